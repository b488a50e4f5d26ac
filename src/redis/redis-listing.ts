/**
 * One page of keys in the order of their bytes. Each slot has its keys in order; of every slot a few are asked for, and
 * what comes first of them all is the page. So a page costs a question to every slot, however few keys there are.
 */

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
import { slotCount, slotOf } from '../partition/slot.ts';
import type { RedisClient } from './redis-connection.ts';
import { indexKeyOf } from './redis-entry.ts';
import { askRedis } from './redis-question.ts';

/** In a page of 1,000 keys more than so many of one slot are rare; where they are not, the slot is asked again. */
const keysAsked = 4;
/** Values are fetched so many at a time: together they may be large. */
const describedAtATime = 64;

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
  let lacking = Array.from({ length: slotCount }, (_, slot) => slot);
  for (;;) {
    await Promise.all(lacking.map((slot) => askForMore(client, query, slot, lacking.length === 1, bySlot)));
    // Beyond the end of any slot's names nobody knows what comes first.
    const ends = [...bySlot.values()].flatMap(({ next }) => (next === undefined ? [] : [next]));
    const knownTo = ends.reduce<ListPosition | undefined>(
      (least, end) => (least !== undefined && comparePositions(least, end) <= 0 ? least : end),
      undefined,
    );
    const names = sortedNames([...bySlot.values()], knownTo);
    if (names.length > query.limit || (names.length === query.limit && knownTo !== undefined)) {
      const page = names.slice(0, query.limit);
      const { kind, key } = page.at(-1) as Name;
      return { names: page, next: { kind, bytes: key } };
    }
    if (knownTo === undefined) return { names, next: undefined };
    lacking = [...bySlot].filter(([, { next }]) => next && comparePositions(next, knownTo) === 0).map(([slot]) => slot);
  }
}

/** @param isAlone whether no other slot is asked: then it may have all that is missing */
async function askForMore(
  client: RedisClient,
  query: ListQuery,
  slot: number,
  isAlone: boolean,
  bySlot: Map<number, SlotNames>,
): Promise<void> {
  const known = bySlot.get(slot);
  const begin = beginOf({ prefix: query.prefix, after: known?.next ?? query.after });
  const end = successorOf(query.prefix);
  const limit = isAlone ? query.limit : keysAsked;
  const isEmpty = begin === undefined || (end !== undefined && Buffer.compare(begin, end) >= 0);
  const keys = isEmpty ? [] : await keysOfSlot(client, slot, { begin, end, limit });
  const last = keys.at(-1);
  const names: Name[] = [...(known?.names ?? []), ...keys.map((key) => nameOf(key, query))];
  if (last === undefined || keys.length < limit) return void bySlot.set(slot, { names, next: undefined });
  const { kind, key } = nameOf(last, query);
  bySlot.set(slot, { names, next: { kind, bytes: key } });
}

type KeyRange = { readonly begin: Buffer; readonly end: Buffer | undefined; readonly limit: number };

function keysOfSlot(client: RedisClient, slot: number, { begin, end, limit }: KeyRange): Promise<Buffer[]> {
  const from = Buffer.concat([Buffer.from('['), begin]);
  const to = end === undefined ? '+' : Buffer.concat([Buffer.from('('), end]);
  return client.zrangebylexBuffer(indexKeyOf(slot), from, to, 'LIMIT', 0, limit);
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
  const outcome = await askRedis(client, { kind: query.values ? 'get' : 'head', slot, key }, noOpId);
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

/** Reads have none. */
const noOpId = Buffer.alloc(0);
