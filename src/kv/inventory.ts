/**
 * What is there, told before what changes: pages of a listing and the feed become one row of events. Each key comes once as
 * it is, and from then on with every change, in the order of its versions; none is left out. Pure: pages and events come in.
 *
 * A page and the feed are never as of one moment. So once a page was read, the feed is read on until it has passed
 * every write that the page can have seen. What it tells of a key of the page meanwhile takes the place of its row, and
 * only then are the rows that are left told (the watermarks of Netflix's DBLog, arXiv:2010.12597).
 *
 *   keys    ├──── listed ────┼──── page ─────────────┼──── not read yet ────┤
 *   events    told             told; the row is not    not told: the row will be
 *
 * A client that comes back may have been told of any key of the page that it was in, and of a deletion it must hear then: so
 * from there on no event is held back, whatever was read. It may be told again of a version that it knows, never of an
 * older one.
 */

import type { ShardId } from './feed.ts';
import type { FeedPosition } from './feed-position.ts';
import type { Key } from './key.ts';
import type { ListEntry, Listing, ListPosition } from './listing.ts';

export type Row = Extract<ListEntry, { kind: 'key' }>;

type Page = {
  /** In order; an event of the key removes its row. */
  readonly rows: Map<string, Row>;
  /** Every key up to here is in the page; undefined when none comes after it. */
  readonly lastKey: Buffer | undefined;
  /** Behind everything that the page can have seen. */
  ends: FeedPosition['places'];
};

export class Inventory {
  readonly #hasComeBack: boolean;
  #listedTo: Buffer | undefined;
  #page: Page | undefined;

  /**
   * @param listedTo the last key whose row was told; empty for none
   * @param hasComeBack whether the client was told anything before, of whatever key
   */
  constructor(listedTo: Buffer, hasComeBack: boolean) {
    this.#listedTo = listedTo;
    this.#hasComeBack = hasComeBack;
  }

  /** The last key that was told; undefined once all were. */
  get listedTo(): Buffer | undefined {
    return this.#listedTo;
  }

  /** Where the next page begins. */
  get after(): ListPosition | undefined {
    const bytes = this.#listedTo;
    return bytes === undefined || bytes.length === 0 ? undefined : { kind: 'key', bytes };
  }

  /** Whether a page is to be read. */
  get wantsPage(): boolean {
    return this.#page === undefined && this.#listedTo !== undefined;
  }

  /**
   * Takes the page behind `after`, without common prefixes.
   * @param ends where the ledgers ended once it was read
   */
  offer({ entries, next }: Listing, ends: FeedPosition['places']): void {
    const rows = entries.filter((entry): entry is Row => entry.kind === 'key');
    this.#page = { rows: new Map(rows.map((row) => [nameOf(row.key), row])), lastKey: next?.bytes, ends };
  }

  /** The shards whose ledgers are not read up to the ends yet. */
  behind(lsnOf: (shard: ShardId) => number): readonly ShardId[] {
    return [...(this.#page?.ends ?? [])].flatMap(([shard, { lsn }]) => (lsnOf(shard) < lsn ? [shard] : []));
  }

  /** Later ends, where one of the shards is gone: its slots' new owners have what it had done. */
  moveEnds(ends: FeedPosition['places']): void {
    if (this.#page !== undefined) this.#page.ends = ends;
  }

  /** Whether an event of this key is told. Then it takes the place of the key's row. */
  tells(key: Key): boolean {
    const listedTo = this.#listedTo;
    if (listedTo === undefined || Buffer.compare(key, listedTo) <= 0) return true;
    if (this.#page === undefined) return this.#hasComeBack;
    const { rows, lastKey } = this.#page;
    if (lastKey !== undefined && Buffer.compare(key, lastKey) > 0) return this.#hasComeBack;
    rows.delete(nameOf(key));
    return true;
  }

  /** The rows to be told once no shard is behind. With each `listedTo` moves on, and at the end behind the page. */
  *rows(): Generator<Row> {
    if (this.#page === undefined) return;
    for (const row of this.#page.rows.values()) {
      this.#listedTo = row.key;
      yield row;
    }
    this.#listedTo = this.#page.lastKey;
    this.#page = undefined;
  }
}

function nameOf(key: Key): string {
  return key.toString('latin1');
}
