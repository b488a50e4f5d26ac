/**
 * One page of keys in the order of their bytes. Each slot has its keys in order; of every slot a few are asked for, and
 * what comes first of them all is the page. So a page costs a question to every slot, however few keys there are.
 */

import { Cluster } from 'ioredis';
import {
  beginOf,
  bytesOf,
  commonPrefixOf,
  comparePositions,
  type ListEntry,
  type Listing,
  type ListPosition,
  type ListQuery,
  listBytesMax,
  positionOf,
  successorOf,
} from '../kv/listing.ts';
import { noOpId } from '../kv/op-id.ts';
import { slotCount, slotOf } from '../partition/slot.ts';
import type { RedisClient } from './redis-client.ts';
import { runCommand, runScript } from './redis-command.ts';
import { indexKeyOf } from './redis-entry.ts';
import { meaningOf } from './redis-error.ts';
import { type Ask, askAlone, askTogether } from './redis-question.ts';
import { firstKeysScript } from './redis-script.ts';
import { redisSlotOf } from './redis-slot.ts';

/** In a page of 1,000 keys more than so many of one slot are rare; where they are not, the slot is asked again. */
const keysAsked = 4;
/** Slots that one script looks at: it takes less than a millisecond, in which Redis does nothing else. */
const slotsAsked = 256;
/** Values are fetched so many at a time: together they may be large. */
const describedAtATime = 64;
/** A read that goes alone is tried so often; after that the store begins the whole page again. */
const triesAlone = 3;
const retryIntervalMs = 20;

/** A key, or what keys have in common, before anything else is known of it. */
type Name = { readonly kind: 'key' | 'prefix'; readonly key: Buffer };

/** The first names of one slot. */
type SlotNames = {
  readonly names: readonly Name[];
  /** Up to here they are all; undefined when there are no others. */
  readonly next: ListPosition | undefined;
};

export async function pageOfRedis(client: RedisClient, query: ListQuery): Promise<Listing> {
  const { names, next } = await namesOfPage(client, query);
  const entries: ListEntry[] = [];
  let bytes = 0;
  for (let at = 0; at < names.length; at += describedAtATime) {
    const some = names.slice(at, at + describedAtATime);
    for (const entry of await Promise.all(some.map((name) => described(client, name, query)))) {
      if (entry === undefined) continue;
      const last = entries.at(-1);
      bytes += bytesOf(entry);
      if (last !== undefined && bytes > listBytesMax) return { kind: 'listing', entries, next: positionOf(last) };
      entries.push(entry);
    }
  }
  return { kind: 'listing', entries, next };
}

async function namesOfPage(client: RedisClient, query: ListQuery): Promise<SlotNames> {
  const bySlot = new Map<number, SlotNames>();
  let lacking: readonly number[] = everySlot;
  let knownTo: ListPosition | undefined;
  for (;;) {
    // A slot that is the only one to lack keys may have all that are missing.
    const limit = lacking.length === 1 ? query.limit : keysAsked;
    const range = rangeAfter(knownTo ?? query.after, query);
    const found = range === undefined ? new Map<number, Buffer[]>() : await firstKeys(client, lacking, range, limit);
    for (const slot of lacking) {
      const names = (found.get(slot) ?? []).map((key) => nameOf(key, query));
      const last = names.length === limit ? names.at(-1) : undefined;
      const before = bySlot.get(slot)?.names ?? [];
      // Without anything in it, a slot has nothing to say in what follows.
      if (before.length + names.length === 0) bySlot.delete(slot);
      else bySlot.set(slot, { names: [...before, ...names], next: last && { kind: last.kind, bytes: last.key } });
    }
    knownTo = firstEnd([...bySlot.values()]);
    const names = sortedNames([...bySlot.values()], knownTo);
    if (names.length > query.limit || (names.length === query.limit && knownTo !== undefined)) {
      const page = names.slice(0, query.limit);
      const { kind, key } = page.at(-1) as Name;
      return { names: page, next: { kind, bytes: key } };
    }
    if (knownTo === undefined) return { names, next: undefined };
    const end = knownTo;
    lacking = [...bySlot].filter(([, { next }]) => next && comparePositions(next, end) === 0).map(([slot]) => slot);
  }
}

const everySlot = Array.from({ length: slotCount }, (_, slot) => slot);

/** Beyond the end of any slot's names nobody knows what comes first. */
function firstEnd(slots: readonly SlotNames[]): ListPosition | undefined {
  let first: ListPosition | undefined;
  for (const { next } of slots) {
    if (next !== undefined && (first === undefined || comparePositions(next, first) < 0)) first = next;
  }
  return first;
}

/** As Redis's sorted sets say it; undefined when nothing can lie in it. */
type KeyRange = { readonly from: Buffer; readonly to: Buffer };

function rangeAfter(after: ListPosition | undefined, { prefix }: ListQuery): KeyRange | undefined {
  const begin = beginOf({ prefix, after });
  const end = successorOf(prefix);
  if (begin === undefined || (end !== undefined && Buffer.compare(begin, end) >= 0)) return undefined;
  const to = end === undefined ? Buffer.from('+') : Buffer.concat([Buffer.from('('), end]);
  return { from: Buffer.concat([Buffer.from('['), begin]), to };
}

/** The first keys of each of these slots within the range, at most `limit` each; of slots without any, nothing. */
async function firstKeys(
  client: RedisClient,
  slots: readonly number[],
  range: KeyRange,
  limit: number,
): Promise<Map<number, Buffer[]>> {
  const found = new Map<number, Buffer[]>();
  const look = async (chunk: readonly number[]) => {
    for (const [slot, keys] of await firstKeysOfChunk(client, chunk, range, limit)) {
      if (keys.length > 0) found.set(slot, keys);
    }
  };
  await Promise.all([...slotsByServer(client, slots)].flatMap((ofServer) => chunksOf(ofServer).map(look)));
  return found;
}

/**
 * By one script. It is refused as a whole where one of the slots has gone to another server, or is on its way there:
 * then each slot is asked for by itself, which a Cluster can redirect.
 */
async function firstKeysOfChunk(
  client: RedisClient,
  slots: readonly number[],
  { from, to }: KeyRange,
  limit: number,
): Promise<[slot: number, keys: Buffer[]][]> {
  try {
    const keys = [indexKeyOf(slots[0] as number)];
    const rest = [from, to, limit, ...slots];
    const replies = (await runScript(askTogether(client), firstKeysScript, keys, rest)) as [number, Buffer[]][];
    return replies.map(([index, members]) => [slots[index - 1] as number, members]);
  } catch (error) {
    if (!(client instanceof Cluster) || !isRefusal(error as Error)) throw error;
    // The chunks of the next page are cut by what is so known; this one goes on by redirections, whoever has a slot.
    client.refreshSlotsCache();
    return Promise.all(slots.map(async (slot) => [slot, await firstKeysOfSlot(client, slot, { from, to }, limit)]));
  }
}

async function firstKeysOfSlot(client: RedisClient, slot: number, { from, to }: KeyRange, limit: number) {
  const range = [indexKeyOf(slot), from, to, 'LIMIT', 0, limit];
  return (await readAlone(client, (ask) => ask('zrangebylex', ...range))) as Buffer[];
}

function isRefusal(error: Error): boolean {
  const meaning = meaningOf(error);
  return meaning === 'refused' || meaning === 'redirected';
}

/** With whatever else is asked in this turn; where that fails, alone: a page should not fail for the sake of one key. */
async function read<T>(client: RedisClient, run: (ask: Ask) => Promise<T>): Promise<T> {
  try {
    return await run(askTogether(client));
  } catch (error) {
    if (meaningOf(error as Error) === 'defect') throw error;
    return readAlone(client, run);
  }
}

/** ioredis follows redirections; what fails on the way, as on a connection that is just being made, is asked again. */
async function readAlone<T>(client: RedisClient, run: (ask: Ask) => Promise<T>): Promise<T> {
  for (let triesLeft = triesAlone; ; triesLeft--) {
    try {
      return await run(askAlone(client));
    } catch (error) {
      if (triesLeft === 1 || meaningOf(error as Error) === 'defect') throw error;
      await new Promise((resolve) => setTimeout(resolve, retryIntervalMs));
    }
  }
}

function chunksOf(slots: readonly number[]): number[][] {
  const chunks: number[][] = [];
  for (let at = 0; at < slots.length; at += slotsAsked) chunks.push(slots.slice(at, at + slotsAsked));
  return chunks;
}

/** A script may look at keys of one server only. */
function slotsByServer(client: RedisClient, slots: readonly number[]): Iterable<readonly number[]> {
  if (!(client instanceof Cluster)) return [slots];
  const byServer = new Map<string, number[]>();
  for (const slot of slots) {
    const server = client.slots[redisSlotOf(slot)]?.[0] ?? '';
    const known = byServer.get(server);
    if (known === undefined) byServer.set(server, [slot]);
    else known.push(slot);
  }
  return byServer.values();
}

function nameOf(key: Buffer, query: ListQuery): Name {
  const common = commonPrefixOf(key, query);
  return common === undefined ? { kind: 'key', key } : { kind: 'prefix', key: common };
}

/** In order, up to `knownTo`; what many keys have in common once. */
function sortedNames(slots: readonly SlotNames[], knownTo: ListPosition | undefined): Name[] {
  const known = slots.flatMap(({ names }) =>
    knownTo === undefined
      ? names
      : names.filter(({ kind, key }) => comparePositions({ kind, bytes: key }, knownTo) <= 0),
  );
  known.sort((a, b) => Buffer.compare(a.key, b.key));
  return known.filter(({ kind, key }, at) => {
    const before = known[at - 1];
    return kind === 'key' || before?.kind !== 'prefix' || !before.key.equals(key);
  });
}

/** Undefined when it has expired, or was deleted meanwhile. */
async function described(client: RedisClient, { kind, key }: Name, query: ListQuery): Promise<ListEntry | undefined> {
  if (kind === 'prefix') return { kind, key };
  const slot = slotOf(key);
  const operation = { kind: query.values ? 'get' : 'head', slot, key } as const;
  const outcome = await read(client, (ask) => runCommand(ask, operation, noOpId));
  switch (outcome.kind) {
    case 'value': {
      const { value } = outcome;
      return { ...outcome, kind: 'key', key, valueBytes: value.length };
    }
    case 'metadata':
      return { ...outcome, kind: 'key', key };
    default:
      return undefined;
  }
}
