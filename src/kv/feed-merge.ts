/**
 * One feed out of the ledgers of several owners, resumable at any event. Of each key the events come in the order of
 * their versions, none is left out, and each comes once. (Again may come, to a client that was away while two owners of
 * one slot went, what the first of them had done.) Pure: it is given pages and gives events.
 *
 * Slots move between owners. A row `arrived` in the new owner's ledger stands between what the old owner did and what
 * the new one does: it has to wait until the old owner's ledger was read up to where it let go. An owner that is gone
 * cannot be read any more; what it had done came along with its slots, and is taken from there.
 *
 * Nobody waits in a circle. An owner's lsn is lifted above the giver's when slots arrive; so whoever waits at lsn L
 * for another one to be read up to X has L > X, and around a circle the lsns would have to fall for ever.
 */

import type { FeedPage, FeedRow, Owner } from './feed.ts';
import { unpackRecords, type WriteRecord } from './write-record.ts';

/** How far one owner's ledger has been read: up to this lsn, and so many records of the arrival that follows it. */
type Place = { readonly lsn: number; readonly carried: number };

/** How far all of them have been read. */
export type FeedPosition = {
  readonly places: ReadonlyMap<Owner, Place>;
  /** Owners above it did not exist when the feed began: they are read from their beginning. */
  readonly lastOwner: Owner;
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
  readonly #places: Map<Owner, Place>;
  readonly #lastOwner: Owner;
  /** By key, the last version that was given in place of an owner that is gone: it may come along once more. */
  readonly #given = new Map<string, number>();
  /** Read and not given yet, by owner. */
  readonly #rows = new Map<Owner, FeedRow[]>();

  constructor({ places, lastOwner }: FeedPosition) {
    this.#places = new Map(places);
    this.#lastOwner = lastOwner;
  }

  /** Right after the event that was given last. */
  get position(): FeedPosition {
    return { places: new Map(this.#places), lastOwner: this.#lastOwner };
  }

  /** Up to which lsn an owner's ledger has been given. */
  lsnOf(owner: Owner): number {
    return this.#placeOf(owner).lsn;
  }

  /** Of whom more rows are wanted, and after which lsn. */
  wanted(owners: readonly Owner[]): readonly { readonly owner: Owner; readonly afterLsn: number }[] {
    const empty = owners.filter((owner) => (this.#rows.get(owner)?.length ?? 0) === 0);
    return empty.map((owner) => ({ owner, afterLsn: this.#placeOf(owner).lsn }));
  }

  /**
   * What was wanted.
   * @throws FeedGone
   */
  offer(owner: Owner, { prunedLsn, rows }: Pick<FeedPage, 'prunedLsn' | 'rows'>): void {
    const { lsn } = this.#placeOf(owner);
    if (lsn < prunedLsn)
      throw new FeedGone(`shard ${owner} keeps its changes from ${prunedLsn + 1} on, not from ${lsn + 1}`);
    this.#rows.set(
      owner,
      rows.filter((row) => row.lsn > lsn),
    );
  }

  /**
   * The events that can be given now, in order.
   * @param owners that there are now; what others had done is taken from those who have their slots
   * @throws FeedGone
   */
  *events(owners: readonly Owner[]): Generator<FeedEvent> {
    const alive = new Set(owners);
    for (let isStuck = false; !isStuck; ) {
      isStuck = true;
      for (const owner of owners) {
        const rows = this.#rows.get(owner) ?? [];
        while (rows[0] !== undefined) {
          const isDone = yield* this.#row(owner, rows[0], alive);
          if (!isDone) break;
          rows.shift();
          isStuck = false;
        }
      }
    }
  }

  /** Gives what it can of a row; false when it has to wait for another owner. */
  *#row(owner: Owner, { lsn, arrival, records }: FeedRow, alive: ReadonlySet<Owner>): Generator<FeedEvent, boolean> {
    if (arrival === undefined) {
      for (const record of unpackRecords(records)) {
        const { version } = record.outcome;
        if (version <= this.#placeOf(owner).lsn) continue;
        this.#places.set(owner, { lsn: version, carried: 0 });
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
        if (!(yield* this.#carried(owner, unpackRecords(records), alive))) return false;
      }
    }
    this.#places.set(owner, { lsn, carried: 0 });
    return true;
  }

  /** What came along with slots, of owners that are gone. */
  *#carried(owner: Owner, records: readonly WriteRecord[], alive: ReadonlySet<Owner>): Generator<FeedEvent, boolean> {
    const byVersion = [...records].sort((a, b) => a.outcome.version - b.outcome.version);
    for (let index = this.#placeOf(owner).carried; index < byVersion.length; index++) {
      const record = byVersion[index] as WriteRecord;
      const { shard, outcome } = record;
      const name = record.key.toString('latin1');
      if (this.#isBefore(shard) || outcome.version <= this.#placeOf(shard).lsn) continue;
      if (outcome.version <= (this.#given.get(name) ?? 0)) continue;
      if (alive.has(shard)) return false;
      this.#given.set(name, outcome.version);
      this.#places.set(owner, { lsn: this.#placeOf(owner).lsn, carried: index + 1 });
      yield eventOf(record);
    }
    return true;
  }

  /** Whether this owner was gone before the feed began. */
  #isBefore(owner: Owner): boolean {
    return owner <= this.#lastOwner && !this.#places.has(owner);
  }

  #placeOf(owner: Owner): Place {
    return this.#places.get(owner) ?? beginning;
  }
}

function eventOf({ key, outcome: { kind, version } }: WriteRecord): FeedEvent {
  return { type: eventTypes[kind], key, version };
}

/** `1:1042,2:977+3;2`: lsns by owner, of an arrival how many of its records, and the last owner. */
export function textOfPosition({ places, lastOwner }: FeedPosition): string {
  const texts = [...places].map(([owner, { lsn, carried }]) => `${owner}:${lsn}${carried > 0 ? `+${carried}` : ''}`);
  return `${texts.join(',')};${lastOwner}`;
}

/** Undefined when it is no position. */
export function positionOfText(text: string): FeedPosition | undefined {
  const [, placesText, lastOwner] = /^([\d:+,]*);(\d{1,5})$/.exec(text) ?? [];
  if (placesText === undefined) return undefined;
  const places = new Map<Owner, Place>();
  for (const place of placesText === '' ? [] : placesText.split(',')) {
    const [, owner, lsn, carried = '0'] = /^(\d{1,5}):(\d{1,16})(?:\+(\d{1,9}))?$/.exec(place) ?? [];
    if (owner === undefined || places.has(Number(owner))) return undefined;
    places.set(Number(owner), { lsn: Number(lsn), carried: Number(carried) });
  }
  return { places, lastOwner: Number(lastOwner) };
}
