/**
 * `meta.sqlite`: which shards there are, and the ring. The single source of truth, opened by the primary alone;
 * its exclusive lock is what keeps a second service off the same data directory.
 */

import { randomUUID } from 'node:crypto';
import { firstRing, type Ring, ringOf } from '../partition/ring.ts';
import { type Database, openExclusively, type Schema } from '../sqlite/database.ts';

const schema: Schema = {
  applicationId: 0x53484c30, // "SHL0"
  version: 1,
  ddl: `
    CREATE TABLE service (id TEXT NOT NULL) STRICT;
    CREATE TABLE shard (id INTEGER PRIMARY KEY, weight INTEGER NOT NULL) STRICT;
    -- One row. The ranges are JSON: [[first slot, last slot, shard], ...].
    CREATE TABLE ring (epoch INTEGER PRIMARY KEY, ranges TEXT NOT NULL) STRICT;
  `,
};

/** A service that is being stopped needs a moment to let go. */
const lockWaitMs = 500;

type RingRow = { readonly epoch: number; readonly ranges: string };

export class TopologyFile {
  readonly #db: Database;
  /** Names this service in each shard's file, so that files of two services are never mixed up. */
  readonly service: string;
  readonly ring: Ring;

  /**
   * @param shardsWanted how many shards a new service gets
   * @throws FileLocked, UnusableFile
   */
  constructor(path: string, shardsWanted: number) {
    this.#db = openExclusively(path, schema, { lockWaitMs });
    try {
      this.#db.transaction(() => this.#createOnce(shardsWanted)).immediate();
      this.service = this.#db.prepare('SELECT id FROM service').pluck().get() as string;
      const { epoch, ranges } = this.#db.prepare('SELECT epoch, ranges FROM ring').get() as RingRow;
      this.ring = ringOf({ epoch, ranges: JSON.parse(ranges) });
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** Ascending. */
  shardIds(): number[] {
    return this.#db.prepare('SELECT id FROM shard ORDER BY id').pluck().all() as number[];
  }

  close(): void {
    this.#db.close();
  }

  #createOnce(shards: number): void {
    if (this.#db.prepare('SELECT count(*) FROM service').pluck().get() !== 0) return;
    const weights = new Map(Array.from({ length: shards }, (_, index) => [index + 1, 1]));
    const { epoch, ranges } = firstRing(weights).describe();
    this.#db.prepare('INSERT INTO service (id) VALUES (?)').run(randomUUID());
    const insertShard = this.#db.prepare('INSERT INTO shard (id, weight) VALUES (?, ?)');
    for (const [id, weight] of weights) insertShard.run(id, weight);
    this.#db.prepare('INSERT INTO ring (epoch, ranges) VALUES (?, ?)').run(epoch, JSON.stringify(ranges));
  }
}
