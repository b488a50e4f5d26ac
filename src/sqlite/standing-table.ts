/**
 * Where a shard's file stands: whose it is, and which ring it has adopted. Within transactions of the file, but for the
 * claim.
 *
 *   standing      one row. epoch is that of the ring that was adopted last: it rises in the transaction that makes the
 *                 transfers true to that ring. told_ms is a time that was told, with the uptime and the boot then: see
 *                 kv/expiry-clock.ts
 *   adopted_ring  one row: that ring, so that meta.sqlite can be made anew from the shards' files
 */

import type { TimeNote } from '../kv/expiry-clock.ts';
import type { Ring, RingDescription, SlotRange } from '../partition/ring.ts';
import type { Standing } from '../partition/standing.ts';
import { type Database, type Statement, WrongFile } from './database.ts';

export const standingDdl = `
  CREATE TABLE standing (
    service       TEXT NOT NULL,
    shard         INTEGER NOT NULL,
    forgotten_lsn INTEGER NOT NULL DEFAULT 0, -- records up to here may be gone, also of slots that came
    pruned_lsn    INTEGER NOT NULL DEFAULT 0, -- rows of the ledger up to here are gone
    epoch         INTEGER NOT NULL DEFAULT 0,
    told_ms       INTEGER NOT NULL DEFAULT 0,
    uptime_ms     INTEGER NOT NULL DEFAULT 0,
    boot          TEXT NOT NULL DEFAULT ''
  ) STRICT;
  ${adoptedRingDdl()}
`;

/** Absent until a ring is adopted. The ranges are JSON: [[first slot, last slot, shard], ...]. */
export function adoptedRingDdl(): string {
  return 'CREATE TABLE adopted_ring (id INTEGER PRIMARY KEY CHECK (id = 1), ranges TEXT NOT NULL) STRICT;';
}

export type FileIdentity = { readonly service: string; readonly shard: number };

/** What is recorded elsewhere of a file that is opened. */
export type FileRecord = {
  /** Writes up to here were acknowledged, so they are in it; null while it was not made yet. */
  readonly acknowledgedLsn: number | null;
  /** Of the newest ring: no file can have adopted a later one. Absent where nothing is partitioned. */
  readonly epoch?: number;
};

export class StandingTable {
  readonly #setEpoch: Statement<[number]>;
  readonly #setRanges: Statement<[string]>;
  readonly #ranges: Statement;
  readonly #setTime: Statement<[number, number, string]>;
  readonly #time: Statement;
  #epoch: number;

  constructor(db: Database) {
    this.#setTime = db.prepare('UPDATE standing SET told_ms = ?, uptime_ms = ?, boot = ?');
    this.#time = db.prepare('SELECT told_ms AS toldMs, uptime_ms AS uptimeMs, boot FROM standing');
    this.#setEpoch = db.prepare('UPDATE standing SET epoch = ?');
    this.#setRanges = db.prepare('INSERT OR REPLACE INTO adopted_ring (id, ranges) VALUES (1, ?)');
    this.#ranges = db.prepare('SELECT ranges FROM adopted_ring').pluck();
    this.#epoch = db.prepare('SELECT epoch FROM standing').pluck().get() as number;
  }

  /** Of the ring that was adopted last; 0 before the first. */
  get epoch(): number {
    return this.#epoch;
  }

  get adoptedRing(): RingDescription | undefined {
    const ranges = this.#ranges.get() as string | undefined;
    return ranges === undefined ? undefined : { epoch: this.#epoch, ranges: JSON.parse(ranges) as SlotRange[] };
  }

  /** Nothing when the file has adopted this ring before, or a newer one. */
  adopt(ring: Ring): void {
    if (ring.epoch <= this.#epoch) return;
    this.#setEpoch.run(ring.epoch);
    this.#setRanges.run(JSON.stringify(ring.ranges()));
    this.#epoch = ring.epoch;
  }

  get timeNote(): TimeNote {
    return this.#time.get() as TimeNote;
  }

  noteTime({ toldMs, uptimeMs, boot }: TimeNote): void {
    this.#setTime.run(toldMs, Math.floor(uptimeMs), boot);
  }

  /** The transaction in which it was adopted was rolled back. */
  restore(epoch: number): void {
    this.#epoch = epoch;
  }
}

/** Undefined for a file that nobody has claimed yet. */
export function identityIn(db: Database): FileIdentity | undefined {
  return db.prepare('SELECT service, shard FROM standing').get() as FileIdentity | undefined;
}

type StandingRow = [
  service: string,
  shard: number,
  epoch: number,
  isGivingAway: number,
  toldMs: number,
  uptimeMs: number,
  boot: string,
];

/**
 * Reads it for those who only read the file. Slots are being given away while a transfer says so: it is noted before
 * the target gets the last of them, and settled in the transaction in which the epoch rises.
 */
export class StandingReader {
  readonly #row: Statement;

  constructor(db: Database) {
    this.#row = db
      .prepare(
        `SELECT service, shard, epoch, EXISTS (SELECT 1 FROM transfer WHERE direction = 'migrating'),
                told_ms, uptime_ms, boot FROM standing`,
      )
      .raw();
  }

  /** Undefined when the file belongs to another shard, or to none yet. */
  read(identity: FileIdentity): { readonly standing: Standing; readonly time: TimeNote } | undefined {
    const row = this.#row.get() as StandingRow | undefined;
    if (row === undefined) return undefined;
    const [service, shard, epoch, isGivingAway, toldMs, uptimeMs, boot] = row;
    if (service !== identity.service || shard !== identity.shard) return undefined;
    return { standing: { epoch, isGivingAway: isGivingAway === 1 }, time: { toldMs, uptimeMs, boot } };
  }
}

/**
 * A new file becomes that of this shard.
 * @throws WrongFile when it belongs to another one
 */
export function claim(db: Database, path: string, { service, shard }: FileIdentity): void {
  // In one step: where the file is shared, only one process may find it new.
  db.prepare('INSERT INTO standing (service, shard) SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM standing)').run(
    service,
    shard,
  );
  const found = identityIn(db) as FileIdentity;
  if (found.service !== service || found.shard !== shard) {
    throw new WrongFile(
      `${path} belongs to shard ${found.shard} of service ${found.service}, not to shard ${shard} of service ${service}.`,
    );
  }
}

/** @throws WrongFile when the file, or the record, is an older copy */
export function checkRecord(
  path: string,
  { lsn, epoch }: { readonly lsn: number; readonly epoch: number },
  record: FileRecord,
): void {
  if (record.epoch !== undefined && epoch > record.epoch) {
    throw new WrongFile(
      `meta.sqlite is an older copy: it has no ring after epoch ${record.epoch}, but ${path} has epoch ${epoch}.`,
    );
  }
  if (lsn < (record.acknowledgedLsn ?? 0)) {
    throw new WrongFile(
      `${path} is an older copy: it ends with write ${lsn}, but write ${record.acknowledgedLsn} was acknowledged.`,
    );
  }
}
