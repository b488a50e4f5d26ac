/** `shardctl why KEY`: shows each step from a key to the file that holds it. */

import { join } from 'node:path';
import { statusOfService } from '../admin/admin-client.ts';
import { reasonOf } from '../client/sender.ts';
import { jsonBodyOf, unexpectedAnswer } from '../client/shardlite-error.ts';
import { urlOfKey } from '../http/key-in-url.ts';
import { type RingDescription, ringOf } from '../partition/ring.ts';
import { hashOf, slotCount, slotOf, tagOf } from '../partition/slot.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { type KeyEncoding, keyOfArgument, shownKey } from './key-argument.ts';
import { failureText } from './next-step.ts';
import { printLine } from './output.ts';
import { countOf } from './quantity.ts';
import { problemOf, type RestApi, restApiOf } from './rest-client.ts';
import { type RestOptions, restTargetOf } from './rest-target.ts';

type WhyOptions = RestOptions & KeyEncoding & { readonly json?: boolean };

/** Where the slots are. */
type Whereabouts = {
  /** Undefined where nothing is partitioned. */
  readonly ring: RingDescription | undefined;
  readonly stateOf: (shard: number) => string | undefined;
  /** Null where only the machine of the service could tell. */
  readonly fileOf: (shard: number | null) => string | null;
};

export async function whyCommand(argument: string, options: WhyOptions): Promise<void> {
  const key = keyOfArgument(argument, options);
  const api = await restApiOf(options);
  const { at } = restTargetOf(options, process.env);
  const { ring, stateOf, fileOf } = 'url' in at ? await toldByRest(api) : await toldByPrimary(at.data);
  const slot = slotOf(key);
  const shard = ring === undefined ? null : ringOf(ring).shardOf(slot);
  const answer = await asked(api, `/v1/kv/${urlOfKey(key)}`, 'HEAD');
  const steps = {
    key: shownKey(key),
    keyBytes: key.length,
    tag: shownKey(tagOf(key)),
    hash: `0x${hashOf(tagOf(key)).toString(16).padStart(8, '0')}`,
    slot,
    shard,
    state: (shard === null ? undefined : stateOf(shard)) ?? null,
    file: fileOf(shard),
    present: answer.status === 404 ? false : answer.ok ? true : null,
    valueBytes: answer.ok ? Number(answer.headers.get('content-length')) : null,
    contentType: answer.ok ? answer.headers.get('content-type') : null,
    version: answer.ok ? Number(answer.headers.get('etag')?.replaceAll('"', '')) : null,
  };
  if (options.json) return printLine(JSON.stringify(steps));

  const there = answer.ok
    ? `yes: ${countOf(steps.valueBytes ?? 0, 'byte')}, ${steps.contentType}, version ${steps.version}`
    : steps.present === false
      ? 'no'
      : `unknown: the service answered ${answer.status}`;
  const isWholeKey = tagOf(key).length === key.length;
  const place = `${ring === undefined ? 'store' : 'file '}  ${steps.file}`;
  printLine(
    [
      `key    ${steps.key}   (${countOf(key.length, 'byte')})`,
      `tag    ${isWholeKey ? 'the whole key' : steps.tag}`,
      `hash   ${steps.hash}   (xxh32 of the tag)`,
      `slot   ${slot}   (upper 14 bits of the hash, of ${slotCount})`,
      ring === undefined
        ? 'clone  any: they all share one store'
        : `shard  ${shard}   (${steps.state}; ring epoch ${ring.epoch})`,
      ...(steps.file === null ? [] : [place]),
      `there  ${there}`,
    ].join('\n'),
  );
}

async function toldByPrimary(directory: string): Promise<Whereabouts> {
  const { ring, data, store, processes } = await statusOfService(directory);
  return {
    ring: store === null ? ring : undefined,
    stateOf: (shard) => processes.find(({ id }) => id === `shard-${shard}`)?.state,
    fileOf: (shard) => store ?? join(data, `shard-${shard}.sqlite`),
  };
}

type Topology = {
  readonly epoch: number;
  readonly shards: readonly { readonly id: number; readonly state: string }[];
  readonly slots: readonly { readonly first: number; readonly last: number; readonly shard: number }[];
};

async function toldByRest(api: RestApi): Promise<Whereabouts> {
  const answer = await asked(api, '/v1/topology', 'GET');
  if (!answer.ok) throw new CliFailure(exitCodes.failed, failureText(await problemOf(answer)));
  const told = jsonBodyOf(answer.status, new Uint8Array(await answer.arrayBuffer())) as Topology | null;
  if (!Array.isArray(told?.slots)) throw unexpectedAnswer(answer.status, 'it is not about a topology');
  const { epoch, shards, slots } = told as Topology;
  const ranges = slots.map(({ first, last, shard }) => [first, last, shard] as const);
  return {
    ring: ranges.length === 0 ? undefined : { epoch, ranges },
    stateOf: (shard) => shards.find(({ id }) => id === shard)?.state,
    fileOf: () => null,
  };
}

/** @throws CliFailure with the exit code for a service that is not there */
async function asked(api: RestApi, path: string, method: string): Promise<Response> {
  try {
    return await api.fetch(path, { method, signal: AbortSignal.timeout(api.deadlineMs) });
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    const detail = `The service does not answer at ${api.url}: ${reasonOf(error)}.`;
    throw new CliFailure(exitCodes.unreachable, failureText({ code: 'no-answer', detail }), { cause: error });
  }
}
