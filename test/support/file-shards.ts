/** Shards as files, without processes, between which slots move as they really do. */

import { join } from 'node:path';
import { type Listing, type ListQuery, mergedListing } from '../../src/kv/listing.ts';
import { ringAfter } from '../../src/partition/plan.ts';
import { firstRing, type Ring } from '../../src/partition/ring.ts';
import { CarriedRecords } from '../../src/rebalance/carried-records.ts';
import type { Move } from '../../src/rebalance/move.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { put, remove } from './operations.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const unlimited = { rowsMax: Number.POSITIVE_INFINITY, bytesMax: Number.POSITIVE_INFINITY };

const nothing = Buffer.alloc(0);

/** Every change is written down as it happens. */
export class FileShards {
  readonly directory = temporaryDirectory();
  readonly files = new Map<number, ShardFile>();
  readonly written: { readonly key: string; readonly version: number; readonly type: string }[] = [];
  ring: Ring = firstRing(
    new Map([
      [1, 1],
      [2, 1],
    ]),
  );
  lastShard = 0;
  readonly #keys: readonly string[];
  #moves = 0;
  #seenLsn = 0;

  /** @param keys all that are written */
  constructor(keys: readonly string[]) {
    this.#keys = keys;
    this.add();
    this.add();
  }

  add(): void {
    const shard = ++this.lastShard;
    this.files.set(shard, new ShardFile(join(this.directory, `${shard}.sqlite`), { service: 'test', shard }));
  }

  get shards(): number[] {
    return [...this.files.keys()];
  }

  write(key: string, kind: 'put' | 'delete'): void {
    const operation = kind === 'put' ? put(key, `${this.written.length}`) : remove(key);
    const file = this.files.get(this.ring.shardOf(operation.slot)) as ShardFile;
    // A router that has seen little of other shards, or all.
    const seenLsn = this.written.length % 2 === 0 ? this.#seenLsn : 0;
    const [outcome] = file.execute([{ operation, resend: { opId: Buffer.alloc(16), resent: false, seenLsn } }]);
    if (outcome === undefined || !('version' in outcome)) throw new Error('a write has no version');
    this.#seenLsn = Math.max(this.#seenLsn, outcome.version);
    this.written.push({ key, version: outcome.version, type: kind });
  }

  /** Every third is given up when all but the rest has come. */
  move(slot: number, to: number): void {
    const from = this.ring.shardOf(slot);
    const [source, target] = [this.files.get(from), this.files.get(to)];
    if (from === to || source === undefined || target === undefined) return;
    const move: Move = { id: ++this.#moves, from, to, slots: [slot] };
    target.transfer.openIncoming(move);
    while (!target.transfer.wipe(move.slots, 128));
    target.transfer.store(source.transfer.page(move.slots, undefined, unlimited).rows);
    carryLedger(source, target, move);
    if (move.id % 3 === 0) return target.transfer.forget(move.id);
    const expected = source.transfer.openOutgoing(move);
    const { lsn: sourceLsn, forgottenLsn } = source.transfer;
    const isSealed = target.transfer.seal(move, {
      changes: [],
      names: nothing,
      records: nothing,
      sourceLsn,
      forgottenLsn,
      expected,
    });
    if (!isSealed) throw new Error('a move was not sealed');
    this.ring = ringAfter(this.ring, [move]);
    for (const [shard, file] of this.files) file.transfer.settle(this.ring, shard, () => false);
  }

  /** Its keys go to the others; then it is gone, with its file. */
  remove(shard: number): void {
    if (this.files.size < 2 || !this.files.has(shard)) return;
    const others = this.shards.filter((one) => one !== shard);
    for (const [index, key] of this.#keys.entries()) {
      const { slot } = put(key, '');
      while (this.ring.shardOf(slot) === shard) this.move(slot, others[index % others.length] as number);
    }
    this.files.get(shard)?.close();
    this.files.delete(shard);
  }

  /** Where all ledgers end. */
  get ends(): Map<number, { readonly lsn: number; readonly carried: number }> {
    return new Map([...this.files].map(([shard, { lsn }]) => [shard, { lsn, carried: 0 }]));
  }

  /** One page of all shards' keys. */
  list(query: ListQuery): Listing {
    const parts = [...this.files].map(([shard, file]) => file.list(query, (slot) => this.ring.shardOf(slot) === shard));
    return mergedListing(parts, query).page;
  }

  close(): void {
    for (const file of this.files.values()) file.close();
  }
}

/** In parts of a commit each. */
function carryLedger(source: ShardFile, target: ShardFile, move: Move): void {
  const carried = new CarriedRecords();
  let upToLsn = 0;
  for (let isWhole = false; !isWhole; ) {
    const part = source.transfer.ledgerSince(move.slots, upToLsn, { commitsMax: 1, bytesMax: 2 ** 31 });
    const records = carried.take(part.results);
    if (records.length > 0) target.transfer.carry(move, records, part.upToLsn);
    ({ upToLsn, isWhole } = part);
  }
}
