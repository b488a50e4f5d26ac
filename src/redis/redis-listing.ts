/**
 * Makes one page of a listing: keys in the order of their bytes, or from the last to the first. Redis keeps an ordered index of each slot, so this asks
 * every slot for its first few keys and merges them. A page therefore costs a look at 16,384 slots, however few keys
 * there are.
 */

import { Cluster } from 'ioredis';
import {
  bytesOf,
  commonPrefixOf,
  comparePositions,
  type ListEntry,
  type Listing,
  type ListPosition,
  type ListQuery,
  listBytesMax,
  positionOf,
  rangeOf,
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

/** Keys asked of a slot at first. A page of 1,000 rarely holds more of one slot; a slot that has more is asked again. */
const keysAsked = 4;
/** Slots that one script looks at. It takes less than a millisecond, during which Redis does nothing else. */
const slotsAsked = 256;
/** Values fetched at a time: all of a page together may be too large for memory. */
const describedAtATime = 64;
/** Tries of a read that is sent alone. When they fail, the store begins the whole page again. */
const triesAlone = 3;
const retryIntervalMs = 20;

/** A key of the page, or a common prefix, before its value is read. */
type Name = { readonly kind: 'key' | 'prefix'; readonly key: Buffer };

/** The first keys and common prefixes of one slot, in order. */
type SlotNames = {
  readonly names: readonly Name[];
  /** `names` is complete up to here; undefined when the slot has no more. */
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
    // The only slot whose keys are not all known may hold the whole rest of the page.
    const limit = lacking.length === 1 ? query.limit : keysAsked;
    const range = searchOf({ ...query, after: knownTo ?? query.after });
    const found = range === undefined ? new Map<number, Buffer[]>() : await firstKeys(client, lacking, range, limit);
    for (const slot of lacking) {
      const names = (found.get(slot) ?? []).map((key) => nameOf(key, query));
      const last = names.length === limit ? names.at(-1) : undefined;
      const before = bySlot.get(slot)?.names ?? [];
      // A slot without keys in this range need not be merged again.
      if (before.length + names.length === 0) bySlot.delete(slot);
      else bySlot.set(slot, { names: [...before, ...names], next: last && { kind: last.kind, bytes: last.key } });
    }
    knownTo = firstEnd([...bySlot.values()], query);
    const names = sortedNames([...bySlot.values()], knownTo, query);
    if (names.length > query.limit || (names.length === query.limit && knownTo !== undefined)) {
      const page = names.slice(0, query.limit);
      const { kind, key } = page.at(-1) as Name;
      return { names: page, next: { kind, bytes: key } };
    }
    if (knownTo === undefined) return { names, next: undefined };
    const end = knownTo;
    lacking = [...bySlot]
      .filter(([, { next }]) => next && comparePositions(next, end, query) === 0)
      .map(([slot]) => slot);
  }
}

const everySlot = Array.from({ length: slotCount }, (_, slot) => slot);

/** The position up to which the names of every slot are known; undefined when all are. */
function firstEnd(slots: readonly SlotNames[], query: ListQuery): ListPosition | undefined {
  let first: ListPosition | undefined;
  for (const { next } of slots) {
    if (next !== undefined && (first === undefined || comparePositions(next, first, query) < 0)) first = next;
  }
  return first;
}

/** How Redis is asked for keys of a range, in the order of the listing: the command, and the range as that takes it. */
type KeySearch = { readonly command: 'zrangebylex' | 'zrevrangebylex'; readonly range: readonly [Buffer, Buffer] };

/** Undefined when nothing can come. */
function searchOf(query: ListQuery): KeySearch | undefined {
  const left = rangeOf(query);
  if (left === undefined) return undefined;
  const least = Buffer.concat([Buffer.from('['), left.begin]);
  const most = left.end === undefined ? Buffer.from('+') : Buffer.concat([Buffer.from('('), left.end]);
  if (query.reverse) return { command: 'zrevrangebylex', range: [most, least] };
  return { command: 'zrangebylex', range: [least, most] };
}

/** The first keys of each of these slots within the range, at most `limit` each; of slots without any, nothing. */
async function firstKeys(
  client: RedisClient,
  slots: readonly number[],
  search: KeySearch,
  limit: number,
): Promise<Map<number, Buffer[]>> {
  const found = new Map<number, Buffer[]>();
  const look = async (chunk: readonly number[]) => {
    for (const [slot, keys] of await firstKeysOfChunk(client, chunk, search, limit)) {
      if (keys.length > 0) found.set(slot, keys);
    }
  };
  await Promise.all([...slotsByServer(client, slots)].flatMap((ofServer) => chunksOf(ofServer).map(look)));
  return found;
}

/**
 * The same for slots that one server owns, as far as is known, by one script. Redis refuses the whole script when one of
 * the slots has moved or is moving; then each slot is asked for by a command of its own, which a Cluster can redirect.
 */
async function firstKeysOfChunk(
  client: RedisClient,
  slots: readonly number[],
  search: KeySearch,
  limit: number,
): Promise<[slot: number, keys: Buffer[]][]> {
  try {
    const keys = [indexKeyOf(slots[0] as number)];
    const rest = [search.command, ...search.range, limit, ...slots];
    const replies = (await runScript(askTogether(client), firstKeysScript, keys, rest)) as [number, Buffer[]][];
    return replies.map(([index, members]) => [slots[index - 1] as number, members]);
  } catch (error) {
    if (!(client instanceof Cluster) || !isRefusal(error as Error)) throw error;
    // Not awaited: this page finds each slot by redirection, and only the next one needs to know the owners.
    client.refreshSlotsCache();
    return Promise.all(slots.map(async (slot) => [slot, await firstKeysOfSlot(client, slot, search, limit)]));
  }
}

async function firstKeysOfSlot(client: RedisClient, slot: number, { command, range }: KeySearch, limit: number) {
  const rest = [indexKeyOf(slot), ...range, 'LIMIT', 0, limit];
  return (await readAlone(client, (ask) => ask(command, ...rest))) as Buffer[];
}

function isRefusal(error: Error): boolean {
  const meaning = meaningOf(error);
  return meaning === 'refused' || meaning === 'redirected';
}

/**
 * Sends a read together with others, and alone if that fails: one key on a slot that moves must not fail a whole page.
 * @throws errors of ioredis, after `triesAlone` tries
 */
async function read<T>(client: RedisClient, run: (ask: Ask) => Promise<T>): Promise<T> {
  try {
    return await run(askTogether(client));
  } catch (error) {
    if (meaningOf(error as Error) === 'defect') throw error;
    return readAlone(client, run);
  }
}

/** ioredis follows redirections, but gives up, for example, while it is still connecting to the other server. */
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

/** Groups slots by the server that owns them, as far as is known: a script may only read keys of its own server. */
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

/** The names of all slots in order, up to `knownTo`, with each common prefix once. */
function sortedNames(slots: readonly SlotNames[], knownTo: ListPosition | undefined, query: ListQuery): Name[] {
  const known = slots.flatMap(({ names }) =>
    knownTo === undefined
      ? names
      : names.filter(({ kind, key }) => comparePositions({ kind, bytes: key }, knownTo, query) <= 0),
  );
  known.sort((a, b) => (query.reverse ? Buffer.compare(b.key, a.key) : Buffer.compare(a.key, b.key)));
  return known.filter(({ kind, key }, at) => {
    const before = known[at - 1];
    return kind === 'key' || before?.kind !== 'prefix' || !before.key.equals(key);
  });
}

/** Reads what the page says of a key; undefined when the key has expired or was deleted meanwhile. */
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
