/**
 * Merges the ledgers of several shards into one feed that can be resumed at any event. The events of each key come in
 * the order of their versions; none is left out, and each comes once. (One exception: a client that was away while two
 * owners of one slot were removed in turn may get the first one's events again.) Pure: pages go in, events come out.
 *
 * Slots move between shards. A row `arrived` in the new shard's ledger stands between what the old shard did and what
 * the new one does: it has to wait until the old shard's ledger was read up to where it let go. A shard that is gone
 * cannot be read any more; what it had done came along with its slots, and is taken from there.
 *
 * No shards wait for each other in a circle. When slots arrive, a shard's lsn is lifted above the source's. So a shard
 * that waits at lsn L until another is read up to X has L > X, and around a circle the lsns would have to fall for ever.
 */

import { beginning, type FeedPage, type FeedRow, type Place, type ShardId } from './feed.ts';
import type { FeedPosition } from './feed-position.ts';
import { unpackRecords, type WriteRecord } from './write-record.ts';

export type FeedEvent = {
  readonly type: 'put' | 'delete' | 'expire';
  readonly key: Buffer;
  readonly version: number;
};

/** The next events are no longer kept. */
export class FeedGone extends Error {
  override readonly name = 'FeedGone';
}

const eventTypes = { created: 'put', replaced: 'put', counted: 'put', deleted: 'delete', expired: 'expire' } as const;

export class FeedMerge {
  readonly #places: Map<ShardId, Place>;
  readonly #lastShard: ShardId;
  /** The last version of each key that was given for a removed shard: another shard may carry it too. */
  readonly #given = new Map<string, number>();
  /** Read and not given yet, by shard. */
  readonly #rows = new Map<ShardId, FeedRow[]>();

  constructor({ places, lastShard }: FeedPosition) {
    this.#places = new Map(places);
    this.#lastShard = lastShard;
  }

  /** The position right after the last event given. */
  get position(): FeedPosition {
    return { places: new Map(this.#places), lastShard: this.#lastShard };
  }

  /** The lsn up to which a shard's events have been given. */
  lsnOf(shard: ShardId): number {
    return this.#placeOf(shard).lsn;
  }

  /** The shards whose rows have run out, and the place after which each is to be read. */
  wanted(shards: readonly ShardId[]): readonly { readonly shard: ShardId; readonly after: Place }[] {
    const empty = shards.filter((shard) => (this.#rows.get(shard)?.length ?? 0) === 0);
    return empty.map((shard) => ({ shard, after: this.#placeOf(shard) }));
  }

  /**
   * Takes a page that `wanted` asked for.
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
   * @param shards those that exist now; events of removed ones are taken from the shards that have their slots
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

  /** Gives the events of a row; false when the rest has to wait for another shard. */
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
      const { from, sourceLsn, forgottenLsn, recordsBefore, isLast } = arrival;
      const readLsn = this.#placeOf(from).lsn;
      // Reading the source up to there has given all that came along, also what had come to the source before.
      if (readLsn < sourceLsn && !this.#isBefore(from)) {
        if (alive.has(from)) return false;
        if (readLsn < forgottenLsn) {
          throw new FeedGone(`shard ${from} is gone, and what it had changed up to ${forgottenLsn} is not kept`);
        }
        const carried = unpackRecords(records);
        if (!(yield* this.#carried(shard, carried, recordsBefore, alive))) return false;
        if (!isLast) {
          this.#places.set(shard, { lsn: this.#placeOf(shard).lsn, carried: recordsBefore + carried.length });
          return true;
        }
      }
    }
    this.#places.set(shard, { lsn, carried: 0 });
    return true;
  }

  /** Gives the events of removed shards that came along with slots to `holder`. The records of each key are in order. */
  *#carried(
    holder: ShardId,
    records: readonly WriteRecord[],
    recordsBefore: number,
    alive: ReadonlySet<ShardId>,
  ): Generator<FeedEvent, boolean> {
    for (const [index, record] of records.entries()) {
      if (recordsBefore + index < this.#placeOf(holder).carried) continue;
      const { shard, outcome } = record;
      const name = record.key.toString('latin1');
      if (this.#isBefore(shard) || outcome.version <= this.#placeOf(shard).lsn) continue;
      if (outcome.version <= (this.#given.get(name) ?? 0)) continue;
      if (alive.has(shard)) return false;
      this.#given.set(name, outcome.version);
      this.#places.set(holder, { lsn: this.#placeOf(holder).lsn, carried: recordsBefore + index + 1 });
      yield eventOf(record);
    }
    return true;
  }

  /** Whether this shard was removed before the feed began. */
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
