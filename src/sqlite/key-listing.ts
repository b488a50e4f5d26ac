/**
 * Lists keys of one file in the order of their bytes, or from the last to the first. It only reads, and no page takes long: it ends when it has cost
 * so much, full or not, and the next one goes on.
 */

import {
  commonPrefixOf,
  type KeyRange,
  type ListEntry,
  type Listing,
  type ListPosition,
  type ListQuery,
  listBytesMax,
  positionOf,
  rangeOf,
} from '../kv/listing.ts';
import { expiryOf } from '../kv/outcome.ts';
import type { Database, Statement } from './database.ts';
import { hasExpired, smallValue } from './entry-table.ts';

/** Of one page, visible rows or not, in rows read: some ten milliseconds. */
const costMax = 2_048;
/** A statement takes as long as this many rows, whatever it finds. */
const statementCost = 2;
/** Where rows come slowly, off a disk, this ends a page. */
const durationMaxMs = 10;
const rowsAtATime = 128;

type MetadataRow = [
  slot: number,
  key: Buffer,
  version: number,
  contentType: string,
  expiresAtMs: number,
  valueBytes: number,
];
type Found = MetadataRow | [...MetadataRow, smallValue: Buffer | null];

/** Rows of a range of keys. */
type Selection = {
  readonly within: Statement<[Buffer, Buffer, number]>;
  readonly toTheEnd: Statement<[Buffer, number]>;
};

export class KeyListing {
  readonly #now: () => number;
  readonly #select: { readonly [columns in 'keys' | 'values']: Readonly<Record<'up' | 'down', Selection>> };
  readonly #value: Statement<[number, Buffer]>;

  /** @param now milliseconds; only differences count */
  constructor(db: Database, now: () => number) {
    this.#now = now;
    const columns = 'slot, key, version, content_type, expires_at, length(value)';
    const select = (columns: string, direction: 'ASC' | 'DESC'): Selection => ({
      within: db
        .prepare<[Buffer, Buffer, number]>(
          `SELECT ${columns} FROM entry WHERE key >= ? AND key < ? ORDER BY key ${direction} LIMIT ?`,
        )
        .raw(),
      toTheEnd: db
        .prepare<[Buffer, number]>(`SELECT ${columns} FROM entry WHERE key >= ? ORDER BY key ${direction} LIMIT ?`)
        .raw(),
    });
    const both = (columns: string) => ({ up: select(columns, 'ASC'), down: select(columns, 'DESC') });
    this.#select = { keys: both(columns), values: both(`${columns}, ${smallValue}`) };
    this.#value = db.prepare<[number, Buffer]>('SELECT value FROM entry WHERE slot = ? AND key = ?').pluck();
  }

  /** @param isVisible whether rows of a slot are there for anybody to see */
  page(query: ListQuery, nowMs: number, isVisible: (slot: number) => boolean): Listing {
    const overdueAtMs = this.#now() + durationMaxMs;
    const entries: ListEntry[] = [];
    let bytes = 0;
    let cost = 0;
    let rowsMax = firstRowsMax(query);
    for (let range = rangeOf(query); range !== undefined; ) {
      const rowsWanted = Math.min(rowsMax, query.limit - entries.length + 1);
      const rows = this.#rows(query, range, rowsWanted);
      cost += statementCost + rows.length;
      rowsMax = Math.min(2 * rowsMax, rowsAtATime);
      let reached: ListPosition | undefined;
      for (const row of rows) {
        const [slot, key, , , expiresAtMs] = row;
        reached = { kind: 'key', bytes: key };
        if (!isVisible(slot) || hasExpired(expiresAtMs, nowMs)) continue;
        const entry = entryOf(row, query);
        const entryBytes = query.values ? valueBytesOf(entry) : 0;
        if (entries.length === query.limit || (entries.length > 0 && bytes + entryBytes > listBytesMax)) {
          return { kind: 'listing', entries, next: positionOf(entries.at(-1) as ListEntry) };
        }
        entries.push(query.values ? this.#withValue(entry, row) : entry);
        bytes += entryBytes;
        if (entry.kind === 'prefix') {
          // All that begins so is listed with it, and what comes next is likely to begin as others do.
          reached = { kind: 'prefix', bytes: entry.key };
          rowsMax = firstRowsMax(query);
          break;
        }
      }
      if (reached === undefined || (rows.length < rowsWanted && reached.kind === 'key')) break;
      if (cost >= costMax || this.#now() >= overdueAtMs) return { kind: 'listing', entries, next: reached };
      range = rangeOf({ prefix: query.prefix, after: reached, reverse: query.reverse });
    }
    return { kind: 'listing', entries, next: undefined };
  }

  #rows({ values, reverse }: ListQuery, { begin, end }: KeyRange, rowsMax: number): Found[] {
    const { within, toTheEnd } = this.#select[values ? 'values' : 'keys'][reverse ? 'down' : 'up'];
    return (end === undefined ? toTheEnd.all(begin, rowsMax) : within.all(begin, end, rowsMax)) as Found[];
  }

  /** Large values are read once it is known that the page has room for them. */
  #withValue(entry: ListEntry, [slot, key, , , , , small]: Found): ListEntry {
    if (entry.kind === 'prefix') return entry;
    return { ...entry, value: small ?? (this.#value.get(slot, key) as Buffer) };
  }
}

/**
 * Rows of the first statement after a common prefix. Where there is a delimiter, the first row may be all that is
 * needed of many; it becomes twice as many with each statement that finds none.
 */
function firstRowsMax({ delimiter }: ListQuery): number {
  return delimiter === undefined ? rowsAtATime : 1;
}

function entryOf([, key, version, contentType, expiresAtMs, valueBytes]: Found, query: ListQuery): ListEntry {
  const common = commonPrefixOf(key, query);
  if (common !== undefined) return { kind: 'prefix', key: common };
  return { kind: 'key', key, version, contentType, valueBytes, ...expiryOf(expiresAtMs) };
}

function valueBytesOf(entry: ListEntry): number {
  return entry.kind === 'key' ? entry.valueBytes : 0;
}
