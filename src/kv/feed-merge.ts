/**
 * One feed out of the ledgers of several shards, resumable at any event. Of each key the events come in the order of
 * their versions, none is left out, and each comes once. (Again may come, to a client that was away while two shards of
 * one slot went, what the first of them had done.) Pure: it is given pages and gives events.
 *
 * Slots move between shards. A row `arrived` in the new shard's ledger stands between what the old shard did and what
 * the new one does: it has to wait until the old shard's ledger was read up to where it let go. A shard that is gone
 * cannot be read any more; what it had done came along with its slots, and is taken from there.
 *
 * Nobody waits in a circle. A shard's lsn is lifted above the giver's when slots arrive; so whoever waits at lsn L
 * for another one to be read up to X has L > X, and around a circle the lsns would have to fall for ever.
 */

import { type FeedPage, type FeedRow, type ShardId, shardIdMax } from './feed.ts';
import { unpackRecords, type WriteRecord } from './write-record.ts';

/** How far one shard's ledger has been read: up to this lsn, and so many records of the arrival that follows it. */
type Place = { readonly lsn: number; readonly carried: number };

/** How far all of them have been read. */
export type FeedPosition = {
  readonly places: ReadonlyMap<ShardId, Place>;
  /** Shards above it did not exist when the feed began: they are read from their beginning. */
  readonly lastShard: ShardId;
};

export type FeedEvent = {
  readonly type: 'put' | 'delete' | 'expire';
  readonly key: Buffer;
  readonly version: number;
};

/** What comes next is not kept any more. */
export class FeedGone extends Error {
  override readonly name = 'FeedGone';
}

const beginning: Place = { lsn: 0, carried: 0 };
const eventTypes = { created: 'put', replaced: 'put', counted: 'put', deleted: 'delete', expired: 'expire' } as const;

export class FeedMerge {
  readonly #places: Map<ShardId, Place>;
  readonly #lastShard: ShardId;
  /** By key, the last version that was given in place of a shard that is gone: it may come along once more. */
  readonly #given = new Map<string, number>();
  /** Read and not given yet, by shard. */
  readonly #rows = new Map<ShardId, FeedRow[]>();

  constructor({ places, lastShard }: FeedPosition) {
    this.#places = new Map(places);
    this.#lastShard = lastShard;
  }

  /** Right after the event that was given last. */
  get position(): FeedPosition {
    return { places: new Map(this.#places), lastShard: this.#lastShard };
  }

  /** Up to which lsn a shard's ledger has been given. */
  lsnOf(shard: ShardId): number {
    return this.#placeOf(shard).lsn;
  }

  /** Of whom more rows are wanted, and after which lsn. */
  wanted(shards: readonly ShardId[]): readonly { readonly shard: ShardId; readonly afterLsn: number }[] {
    const empty = shards.filter((shard) => (this.#rows.get(shard)?.length ?? 0) === 0);
    return empty.map((shard) => ({ shard, afterLsn: this.#placeOf(shard).lsn }));
  }

  /**
   * What was wanted.
   * @throws FeedGone
   */
  offer(shard: ShardId, { prunedLsn, rows }: Pick<FeedPage, 'prunedLsn' | 'rows'>): void {
    const { lsn } = this.#placeOf(shard);
    if (lsn < prunedLsn)
      throw new FeedGone(`shard ${shard} keeps its changes from ${prunedLsn + 1} on, not from ${lsn + 1}`);
    this.#rows.set(
      shard,
      rows.filter((row) => row.lsn > lsn),
    );
  }

  /**
   * The events that can be given now, in order.
   * @param shards that there are now; what others had done is taken from those who have their slots
   * @throws FeedGone
   */
  *events(shards: readonly ShardId[]): Generator<FeedEvent> {
    const alive = new Set(shards);
    for (let isStuck = false; !isStuck; ) {
      isStuck = true;
      for (const shard of shards) {
        const rows = this.#rows.get(shard) ?? [];
        while (rows[0] !== undefined) {
          const isDone = yield* this.#row(shard, rows[0], alive);
          if (!isDone) break;
          rows.shift();
          isStuck = false;
        }
      }
    }
  }

  /** Gives what it can of a row; false when it has to wait for another shard. */
  *#row(
    shard: ShardId,
    { lsn, arrival, records }: FeedRow,
    alive: ReadonlySet<ShardId>,
  ): Generator<FeedEvent, boolean> {
    if (arrival === undefined) {
      for (const record of unpackRecords(records)) {
        const { version } = record.outcome;
        if (version <= this.#placeOf(shard).lsn) continue;
        this.#places.set(shard, { lsn: version, carried: 0 });
        yield eventOf(record);
      }
    } else if (arrival.kind === 'arrived') {
      const { from, sourceLsn, forgottenLsn } = arrival;
      const readLsn = this.#placeOf(from).lsn;
      // What was read of the giver up to there is all that came along, also what had come to the giver before.
      if (readLsn < sourceLsn && !this.#isBefore(from)) {
        if (alive.has(from)) return false;
        if (readLsn < forgottenLsn) {
          throw new FeedGone(`shard ${from} is gone, and what it had changed up to ${forgottenLsn} is not kept`);
        }
        if (!(yield* this.#carried(shard, unpackRecords(records), alive))) return false;
      }
    }
    this.#places.set(shard, { lsn, carried: 0 });
    return true;
  }

  /** What came along with slots, of shards that are gone. */
  *#carried(
    shard: ShardId,
    records: readonly WriteRecord[],
    alive: ReadonlySet<ShardId>,
  ): Generator<FeedEvent, boolean> {
    const byVersion = [...records].sort((a, b) => a.outcome.version - b.outcome.version);
    for (let index = this.#placeOf(shard).carried; index < byVersion.length; index++) {
      const record = byVersion[index] as WriteRecord;
      const { shard, outcome } = record;
      const name = record.key.toString('latin1');
      if (this.#isBefore(shard) || outcome.version <= this.#placeOf(shard).lsn) continue;
      if (outcome.version <= (this.#given.get(name) ?? 0)) continue;
      if (alive.has(shard)) return false;
      this.#given.set(name, outcome.version);
      this.#places.set(shard, { lsn: this.#placeOf(shard).lsn, carried: index + 1 });
      yield eventOf(record);
    }
    return true;
  }

  /** Whether this shard was gone before the feed began. */
  #isBefore(shard: ShardId): boolean {
    return shard <= this.#lastShard && !this.#places.has(shard);
  }

  #placeOf(shard: ShardId): Place {
    return this.#places.get(shard) ?? beginning;
  }
}

function eventOf({ key, outcome: { kind, version } }: WriteRecord): FeedEvent {
  return { type: eventTypes[kind], key, version };
}

/** `1:1042,2:977+3;2`: lsns by shard, of an arrival how many of its records, and the last shard. */
export function textOfPosition({ places, lastShard }: FeedPosition): string {
  const texts = [...places].map(([shard, { lsn, carried }]) => `${shard}:${lsn}${carried > 0 ? `+${carried}` : ''}`);
  return `${texts.join(',')};${lastShard}`;
}

/** Undefined when it is no position. Clients give it back, and may give anything: every number is one that there can be. */
export function positionOfText(text: string): FeedPosition | undefined {
  const [, placesText, lastText] = /^([\d:+,]*);(\d{1,5})$/.exec(text) ?? [];
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
  return { places, lastShard };
}
