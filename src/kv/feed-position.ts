/** Where a client of the feed is, as a value and as the text that it is given as the id of an event. Pure. */

import { type Place, type ShardId, shardIdMax } from './feed.ts';
import { keyBytesMax } from './key.ts';

/** How far all ledgers have been read. */
export type FeedPosition = {
  readonly places: ReadonlyMap<ShardId, Place>;
  /** Shards above it did not exist when the feed began: they are read from their beginning. */
  readonly lastShard: ShardId;
};

/** Where a client is that may still be told what is there (inventory.ts). */
export type WatchPosition = FeedPosition & {
  /** The last key of which it was told that it is there, empty before the first; undefined once it was told of all. */
  readonly listedTo?: Buffer | undefined;
};

/**
 * `1:1042,2:977+3;2`: each shard's lsn, with `+3` when 3 records of the next arrival were given; then the last shard. While
 * what is there is told, `;` and the last key in base64url.
 */
export function textOfPosition({ places, lastShard, listedTo }: WatchPosition): string {
  const texts = [...places].map(([shard, { lsn, carried }]) => `${shard}:${lsn}${carried > 0 ? `+${carried}` : ''}`);
  return `${texts.join(',')};${lastShard}${listedTo === undefined ? '' : `;${listedTo.toString('base64url')}`}`;
}

/** Undefined when it is no position. Clients give it back, and may give anything: every number is one that there can be. */
export function positionOfText(text: string): WatchPosition | undefined {
  const [, placesText, lastText, keyText] = /^([\d:+,]*);(\d{1,5})(?:;([A-Za-z0-9_-]*))?$/.exec(text) ?? [];
  if (placesText === undefined) return undefined;
  const lastShard = Number(lastText);
  if (lastShard > shardIdMax) return undefined;
  const places = new Map<ShardId, Place>();
  for (const place of placesText === '' ? [] : placesText.split(',')) {
    const [, shardText, lsnText, carried = '0'] = /^(\d{1,5}):(\d{1,16})(?:\+(\d{1,9}))?$/.exec(place) ?? [];
    const [shard, lsn] = [Number(shardText), Number(lsnText)];
    const isPlace = shard >= 1 && shard <= shardIdMax && lsn <= Number.MAX_SAFE_INTEGER;
    if (!isPlace || places.has(shard)) return undefined;
    places.set(shard, { lsn, carried: Number(carried) });
  }
  if (keyText === undefined) return { places, lastShard };
  const listedTo = Buffer.from(keyText, 'base64url');
  return listedTo.length <= keyBytesMax ? { places, lastShard, listedTo } : undefined;
}
