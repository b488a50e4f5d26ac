/** One operation as one question to Redis, and its answer as an outcome. */

import type { Operation, OpId, Outcome } from '../kv/store.ts';
import type { RedisClient } from './redis-connection.ts';
import { metadataOf, opKeyOf, packedValue, valueKeyOf, valueOf, versionKeyOf, writeOutcomeOf } from './redis-entry.ts';
import { deleteScript, headScript, putScript, type RedisScript } from './redis-script.ts';

/**
 * How long Redis remembers what a write was answered. Nothing is sent again after a sixth of it; the rest is for bytes
 * that a broken network delivers late.
 */
const opMemoryMs = 30_000;

/** @throws ReplyError and other errors of ioredis: see redis-error.ts */
export async function askRedis(client: RedisClient, operation: Operation, opId: OpId): Promise<Outcome> {
  const { slot, key } = operation;
  const valueKey = valueKeyOf(slot, key);
  const writeKeys = () => [valueKey, versionKeyOf(slot), opKeyOf(slot, opId)];
  switch (operation.kind) {
    case 'get': {
      const packed = await client.getBuffer(valueKey);
      return packed === null ? absent : valueOf(packed);
    }
    case 'head': {
      const found = (await run(client, headScript, [valueKey], [])) as [head: Buffer, packedBytes: number] | null;
      return found === null ? absent : metadataOf(...found);
    }
    case 'put': {
      const { contentType, value } = operation;
      return writeOutcomeOf(await run(client, putScript, writeKeys(), [opMemoryMs, packedValue(contentType, value)]));
    }
    case 'delete':
      return writeOutcomeOf(await run(client, deleteScript, writeKeys(), [opMemoryMs]));
  }
}

type Argument = string | number | Buffer;

/** What ioredis has for these two commands as for all others, but leaves out of its types. */
type ScriptRunner = {
  readonly evalshaBuffer: (sha1: string, keys: number, ...rest: Argument[]) => Promise<unknown>;
  readonly evalBuffer: (lua: string, keys: number, ...rest: Argument[]) => Promise<unknown>;
};

/** By its hash; with its text where a server does not know it yet. */
async function run(
  client: RedisClient,
  { lua, sha1 }: RedisScript,
  keys: readonly Argument[],
  rest: readonly Argument[],
): Promise<unknown> {
  const runner = client as unknown as ScriptRunner;
  try {
    return await runner.evalshaBuffer(sha1, keys.length, ...keys, ...rest);
  } catch (error) {
    if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
    return await runner.evalBuffer(lua, keys.length, ...keys, ...rest);
  }
}

const absent: Outcome = { kind: 'absent' };
