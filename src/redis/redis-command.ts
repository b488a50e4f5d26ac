/**
 * Turns one operation into one command of Redis, and the reply into an outcome. It holds no connection and sends nothing
 * again: `redis-store.ts` decides that.
 */

import type { Versions } from '../kv/condition.ts';
import { idempotencyKeptMs } from '../kv/idempotency-key.ts';
import { type OpId, opIdOfItem } from '../kv/op-id.ts';
import {
  batchBytesMax,
  type Expiry,
  type GetOperation,
  isWrite,
  type KeyOperation,
  type Operation,
  type ReadOperation,
} from '../kv/operation.ts';
import type { KeyOutcome, Outcome } from '../kv/outcome.ts';
import { partOf } from '../kv/value-part.ts';
import {
  expiriesKeyOf,
  headBytesMax,
  indexKeyOf,
  opKeyOf,
  scratchKeyOf,
  tailOf,
  unpackedMetadata,
  unpackedValue,
  valueKeyOf,
  versionKeyOf,
} from './redis-entry.ts';
import type { Argument, Ask } from './redis-question.ts';
import { outcomeOf } from './redis-reply.ts';
import { bytesScript, headScript, operateScript, type RedisScript } from './redis-script.ts';

/**
 * How long Redis remembers the answer to a write that has no idempotency key. The store sends nothing again after a sixth
 * of this time; the rest is for bytes that a broken network delivers late.
 */
const opMemoryMs = 30_000;

/**
 * @param opId names the write, so that it may be sent again; any for a read
 * @throws ReplyError and other errors of ioredis: see redis-error.ts
 * @throws RangeError when Redis answers what no script of ours answers
 */
export async function runCommand(ask: Ask, operation: Operation, opId: OpId): Promise<Outcome> {
  switch (operation.kind) {
    case 'get': {
      const isWhole = operation.condition === undefined && operation.range === undefined;
      return isWhole ? readValue(ask, operation) : readPart(ask, operation);
    }
    case 'head':
      return (await readHead(ask, operation)).outcome;
    case 'atomic':
      return { kind: 'batch', outcomes: await operate(ask, operation.slot, operation.operations, opId) };
    default: {
      const [outcome] = await operate(ask, operation.slot, [operation], opId);
      return outcome as Outcome;
    }
  }
}

async function readValue(ask: Ask, { slot, key }: ReadOperation): Promise<KeyOutcome> {
  const packed = (await ask('get', valueKeyOf(slot, key))) as Buffer | null;
  return packed === null ? { kind: 'absent' } : unpackedValue(packed);
}

async function readHead(ask: Ask, { slot, key }: ReadOperation) {
  const reply = await runScript(ask, headScript, [valueKeyOf(slot, key)], []);
  const found = reply as [first: Buffer, packedBytes: number] | null;
  if (found === null) return { outcome: { kind: 'absent' }, packedBytes: 0 } as const;
  return { outcome: unpackedMetadata(...found), packedBytes: found[1] };
}

/** Between its two steps the value may have been written anew: then it is read whole. */
async function readPart(ask: Ask, operation: GetOperation): Promise<KeyOutcome> {
  const { outcome: found, packedBytes } = await readHead(ask, operation);
  if (found.kind !== 'metadata') return found;
  const part = partOf(operation, found.version, found.valueBytes);
  if (part === 'none') return found;
  if (part === 'whole') return readValue(ask, operation);
  const { first, last } = part;
  const headBytes = packedBytes - found.valueBytes;
  const wanted = [String(found.version), headBytes + first, headBytes + last];
  const value = (await runScript(
    ask,
    bytesScript,
    [valueKeyOf(operation.slot, operation.key)],
    wanted,
  )) as Buffer | null;
  return value === null ? readValue(ask, operation) : { ...found, kind: 'part', first, value };
}

async function operate(ask: Ask, slot: number, operations: readonly KeyOperation[], opId: OpId) {
  const keys: Argument[] = [versionKeyOf(slot), indexKeyOf(slot), expiriesKeyOf(slot), scratchKeyOf(slot)];
  // As Redis has it, a value of any size may be read alone.
  const rest: Argument[] = [batchBytesMax + headBytesMax];
  for (const [index, operation] of operations.entries()) {
    const name = isWrite(operation) ? operation.idempotencyKey?.opId : undefined;
    keys.push(valueKeyOf(slot, operation.key), opKeyOf(slot, name ?? opIdOfItem(opId, index)));
    rest.push(...fieldsOf(operation));
  }
  const replies = (await runScript(ask, operateScript, keys, rest)) as unknown[];
  return operations.map((operation, index) => outcomeOf(replies[index], operation));
}

/** The fields of ARGV for one operation, in the order that `operateScript` documents: `fieldsOfOperation` of them. */
function fieldsOf(operation: KeyOperation): Argument[] {
  if (!isWrite(operation)) return [operation.kind, operation.key, '', '', '0', '0', '', ''];
  const { kind, key, condition, idempotencyKey } = operation;
  return [
    kind,
    key,
    versionsText(condition?.ifMatch),
    versionsText(condition?.ifNoneMatch),
    kind === 'delete' ? '0' : expiryText(operation),
    idempotencyKey === undefined ? opMemoryMs : idempotencyKeptMs,
    idempotencyKey?.fingerprint.toString('hex') ?? '',
    kind === 'put' ? tailOf(operation.contentType, operation.value) : kind === 'increment' ? String(operation.by) : '',
  ];
}

/** A time to live has a sign before it: the script adds it to the time of Redis. Of a counter '' leaves it as it is. */
function expiryText({ kind, ttlMs, expiresAtMs }: Expiry & Pick<KeyOperation, 'kind'>): string {
  if (ttlMs !== undefined) return `+${ttlMs}`;
  return String(expiresAtMs ?? (kind === 'increment' ? '' : 0));
}

/** As the script reads them. An empty list is a condition that no version meets, and not the same as no condition. */
function versionsText(versions: Versions | undefined): string {
  if (versions === undefined || versions === '*') return versions ?? '';
  return `,${versions.join(',')},`;
}

/**
 * Runs a script by its hash, or by its text on a server that does not know the hash yet.
 * @returns the reply, with texts as bytes
 * @throws ReplyError and other errors of ioredis: see redis-error.ts
 */
export async function runScript(
  ask: Ask,
  { lua, sha1 }: RedisScript,
  keys: readonly Argument[],
  rest: readonly Argument[],
): Promise<unknown> {
  try {
    return await ask('evalsha', sha1, keys.length, ...keys, ...rest);
  } catch (error) {
    if (!(error as Error).message.startsWith('NOSCRIPT')) throw error;
    return await ask('eval', lua, keys.length, ...keys, ...rest);
  }
}
