/**
 * Where a shard's file stands: whose it is, and as of which ring. One row. Within transactions of the file, but for the
 * claim.
 *
 *   epoch    of the ring that was adopted last; it rises in the transaction that makes the transfers true to that ring
 *   leaving  whether slots are just being given away
 */

import { type Database, type Statement, UnusableFile } from './database.ts';

export const standingDdl = `
  CREATE TABLE standing (
    service       TEXT NOT NULL,
    shard         INTEGER NOT NULL,
    forgotten_lsn INTEGER NOT NULL DEFAULT 0, -- records up to here may be gone, also of slots that came
    pruned_lsn    INTEGER NOT NULL DEFAULT 0, -- rows of the ledger up to here are gone
    epoch         INTEGER NOT NULL DEFAULT 0,
    leaving       INTEGER NOT NULL DEFAULT 0
  ) STRICT;
`;

export type FileIdentity = { readonly service: string; readonly shard: number };

export class StandingTable {
  readonly #setEpoch: Statement<[number]>;
  #epoch: number;

  constructor(db: Database) {
    this.#setEpoch = db.prepare('UPDATE standing SET epoch = ?');
    this.#epoch = db.prepare('SELECT epoch FROM standing').pluck().get() as number;
  }

  /** Of the ring that was adopted last. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Nothing when the file has adopted this ring before, or a newer one. */
  adopt(epoch: number): void {
    if (epoch <= this.#epoch) return;
    this.#setEpoch.run(epoch);
    this.#epoch = epoch;
  }

  /** The transaction in which it was adopted was rolled back. */
  restore(epoch: number): void {
    this.#epoch = epoch;
  }
}

/**
 * A new file becomes that of this shard.
 * @throws UnusableFile when it belongs to another one
 */
export function claim(db: Database, path: string, { service, shard }: FileIdentity): void {
  // In one step: where the file is shared, only one process may find it new.
  db.prepare('INSERT INTO standing (service, shard) SELECT ?, ? WHERE NOT EXISTS (SELECT 1 FROM standing)').run(
    service,
    shard,
  );
  const found = db.prepare('SELECT service, shard FROM standing').get() as FileIdentity;
  if (found.service !== service || found.shard !== shard) {
    throw new UnusableFile(
      `${path} belongs to shard ${found.shard} of service ${found.service}, not to shard ${shard} of service ${service}.`,
    );
  }
}
