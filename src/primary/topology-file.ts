/**
 * `meta.sqlite`: which shards there are, the ring, and what is being changed about them. The single source of
 * truth, opened by the primary alone; its exclusive lock is what keeps a second service off the same data
 * directory. Every method that changes something is one durable transaction.
 */

import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import type { Strategy } from '../config/service-config.ts';
import { ringAfter } from '../partition/plan.ts';
import { firstRing, type Ring, type RingDescription, ringOf, type Weights } from '../partition/ring.ts';
import { slotCount } from '../partition/slot.ts';
import { invariant } from '../ports/invariant.ts';
import type { Move, MoveId } from '../rebalance/move.ts';
import type { TopologyRecord } from '../rebalance/ports.ts';
import type {
  ChangeFigures,
  ChangeKind,
  ChangeRequest,
  ChangeState,
  TopologyChange,
} from '../rebalance/topology-change.ts';
import { type Database, isDiskFull } from '../sqlite/database.ts';
import { type DiskReserve, noReserve, withReserve } from '../sqlite/disk-reserve.ts';
import { type OpenDatabase, openExclusively } from '../sqlite/open-database.ts';
import { FileRecords } from './file-records.ts';
import type { Origin, StoreKind } from './strategy.ts';
import { topologySchema } from './topology-schema.ts';

/** A service that is being stopped needs a moment to let go. */
const lockWaitMs = 500;

type ChangeRow = {
  readonly id: number;
  readonly kind: ChangeKind;
  readonly state: ChangeState;
  readonly reason: string;
  readonly request: string;
  readonly paused: number;
  readonly weights_before: string;
  readonly ring_before: string | null;
  readonly weights: string;
  readonly asked_at_ms: number;
  readonly began_at_ms: number | null;
  readonly ended_at_ms: number | null;
  readonly slots: number;
  readonly rows: number;
  readonly bytes: number;
  readonly freeze_max_ms: number;
  readonly failures: number;
};

type ServiceRow = { readonly id: string; readonly strategy: Strategy; readonly store: StoreKind };

type RingRow = { readonly epoch: number; readonly ranges: string };

/** What a new service gets. */
export type FreshService = Origin & {
  readonly shards: number;
  /** Of the ring: 16,384, but for simulations. */
  readonly slots?: number;
  /** What is known of a service that has lost its own. */
  readonly rebuilt?: RebuiltService;
};

/** A service as its shards' files tell of it. */
export type RebuiltService = {
  readonly service: string;
  readonly ring: RingDescription;
  readonly shards: readonly { readonly id: number; readonly weight: number; readonly acknowledgedLsn: number }[];
  /** The highest id that any shard ever had. */
  readonly lastShard: number;
  /** The highest id of a move that any file remembers: no later one may be taken for it. */
  readonly lastMove: MoveId;
};

/** Of those that are over. */
const changesKept = 1_000;

export class TopologyFile implements TopologyRecord {
  readonly isDiskFull = isDiskFull;
  readonly #db: Database;
  readonly #reserve: DiskReserve;
  /** Names this service in each shard's file, so that files of two services are never mixed up. */
  readonly service: string;
  readonly store: StoreKind;
  readonly files: FileRecords;
  readonly #slots: number;
  #strategy: Strategy;
  #ring: Ring;

  /**
   * @param fresh what a new service gets
   * @throws FileLocked, UnusableFile
   */
  constructor(
    path: string,
    fresh: FreshService,
    {
      open = openExclusively,
      reserve = noReserve,
    }: { readonly open?: OpenDatabase; readonly reserve?: DiskReserve } = {},
  ) {
    this.#reserve = reserve;
    this.#db = open(path, topologySchema, { lockWaitMs });
    try {
      this.#db.transaction(() => this.#createOnce(fresh));
      const { id, strategy, store } = this.#db.prepare('SELECT * FROM service').get() as ServiceRow;
      this.#slots = fresh.slots ?? slotCount;
      this.service = id;
      this.store = store;
      this.#strategy = strategy;
      const { epoch, ranges } = this.#db.prepare('SELECT epoch, ranges FROM ring').get() as RingRow;
      this.#ring = this.#ringOf({ epoch, ranges: JSON.parse(ranges) });
      this.#recoverMoves();
      this.files = new FileRecords(this.#db, dirname(path));
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /** As which it was served last. */
  get strategy(): Strategy {
    return this.#strategy;
  }

  adoptStrategy(strategy: Strategy): void {
    if (strategy === this.#strategy) return;
    this.#db.transaction(() => this.#db.prepare('UPDATE service SET strategy = ?').run(strategy));
    this.#strategy = strategy;
  }

  get ring(): Ring {
    return this.#ring;
  }

  /** Every shard that has a process, ascending. */
  weights(): Weights {
    const rows = this.#db.prepare('SELECT id, weight FROM shard ORDER BY id').raw().all();
    return new Map(rows as [number, number][]);
  }

  /** The lowest id that no shard ever had: a file of an old shard is never taken for one of a new. */
  nextShardId(): number {
    return (this.#db.prepare('SELECT last_shard FROM service').pluck().get() as number) + 1;
  }

  /** No new shard gets an id up to this one. */
  neverUseUpTo(shard: number): void {
    if (shard < this.nextShardId()) return;
    this.#db.transaction(() => this.#db.prepare('UPDATE service SET last_shard = ?').run(shard));
  }

  /** Queued: what it comes to is known when it begins. */
  addChange(request: ChangeRequest, askedAtMs: number): TopologyChange {
    const insert = this.#db.prepare(
      "INSERT INTO change (kind, request, state, asked_at_ms) VALUES (?, ?, 'queued', ?)",
    );
    const { lastInsertRowid } = this.#db.transaction(() =>
      insert.run(request.kind, JSON.stringify(request), askedAtMs),
    );
    return this.change(Number(lastInsertRowid));
  }

  /** New shards get their row with it. */
  beginChange(id: number, weights: Weights, beganAtMs: number): void {
    this.#db.transaction(() => {
      const before = this.weights();
      for (const [shard, weight] of weights) {
        this.#db
          .prepare(
            'INSERT INTO shard (id, weight) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET weight = excluded.weight',
          )
          .run(shard, weight);
      }
      this.#db.prepare('UPDATE service SET last_shard = max(last_shard, ?)').run(Math.max(...weights.keys()));
      this.#db
        .prepare('UPDATE change SET weights_before = ?, ring_before = ?, weights = ?, began_at_ms = ? WHERE id = ?')
        .run(
          JSON.stringify([...before]),
          JSON.stringify(this.#ring.describe()),
          JSON.stringify([...weights]),
          beganAtMs,
          id,
        );
      this.#setChange(id, 'running', '');
    });
  }

  /** It never began. */
  refuseChange(id: number, reason: string, endedAtMs: number): void {
    this.#urgentTransaction(() => {
      this.#setChange(id, 'aborted', reason);
      this.#db.prepare('UPDATE change SET ended_at_ms = ? WHERE id = ?').run(endedAtMs, id);
    });
  }

  pauseChange(id: number, isPaused: boolean): void {
    this.#db.transaction(() => this.#db.prepare('UPDATE change SET paused = ? WHERE id = ?').run(isPaused ? 1 : 0, id));
  }

  /** From now on what was before is wanted again. */
  undoChange(id: number, reason: string, isPaused: boolean): void {
    this.#urgentTransaction(() => {
      const { weightsBefore } = this.change(id);
      this.#db
        .prepare('UPDATE change SET weights = ?, paused = ? WHERE id = ?')
        .run(JSON.stringify([...weightsBefore]), isPaused ? 1 : 0, id);
      this.#setChange(id, 'undoing', reason);
    });
  }

  /** Shards that own nothing and are not wanted lose their row with it. */
  endChange(id: number, state: 'done' | 'aborted', endedAtMs: number, figures: ChangeFigures): void {
    this.#urgentTransaction(() => {
      this.#addFigures(id, figures);
      const { weights, reason } = this.change(id);
      for (const shard of this.weights().keys()) {
        if (!weights.has(shard)) this.#db.prepare('DELETE FROM shard WHERE id = ?').run(shard);
        else this.#db.prepare('UPDATE shard SET weight = ? WHERE id = ?').run(weights.get(shard), shard);
      }
      this.#setChange(id, state, reason);
      this.#db.prepare('UPDATE change SET ended_at_ms = ? WHERE id = ?').run(endedAtMs, id);
      this.#forget(id);
    });
  }

  change(id: number): TopologyChange {
    return this.#changeOf(this.#db.prepare('SELECT * FROM change WHERE id = ?').get(id) as ChangeRow);
  }

  /** Newest first. */
  changes(limit: number): TopologyChange[] {
    return (this.#db.prepare('SELECT * FROM change ORDER BY id DESC LIMIT ?').all(limit) as ChangeRow[]).map((row) =>
      this.#changeOf(row),
    );
  }

  lastChangeId(): number {
    return (this.#db.prepare('SELECT max(id) FROM change').pluck().get() as number | null) ?? 0;
  }

  /** Changes that are not over, in the order in which they were asked for. */
  openChanges(): TopologyChange[] {
    const rows = this.#db
      .prepare("SELECT * FROM change WHERE state IN ('queued', 'running', 'undoing') ORDER BY id")
      .all();
    return (rows as ChangeRow[]).map((row) => this.#changeOf(row));
  }

  openMove(change: number, { from, to, slots }: Omit<Move, 'id'>): Move {
    // A slot has one owner, and nobody else gives it away.
    const stray = slots.find((slot) => this.#ring.shardOf(slot) !== from);
    invariant(stray === undefined, `slot ${stray} is not shard ${from}'s to give away`);
    const insert = this.#db.prepare(
      "INSERT INTO move (change, from_shard, to_shard, slots, state) VALUES (?, ?, ?, ?, 'open')",
    );
    const { lastInsertRowid } = this.#db.transaction(() => insert.run(change, from, to, JSON.stringify(slots)));
    return { id: Number(lastInsertRowid), from, to, slots };
  }

  /** The commit point of a move: new owner and higher epoch, at once and durably. */
  commitMove(move: Move): void {
    const next = ringAfter(this.#ring, [move]);
    invariant(next.epoch > this.#ring.epoch, `the epoch would go from ${this.#ring.epoch} to ${next.epoch}`);
    this.#urgentTransaction(() => {
      this.#db.prepare('UPDATE ring SET epoch = ?, ranges = ?').run(next.epoch, JSON.stringify(next.ranges()));
      this.#endMove(move.id, 'committed', '');
    });
    this.#ring = next;
  }

  /** All of it as it is now, as a file of its own. @throws SqliteError when there is a file already */
  copyTo(path: string): void {
    this.#db.prepare('VACUUM INTO ?').run(path);
  }

  /** @param figures what has come of the change since they were recorded last */
  finishMove(id: MoveId, figures: ChangeFigures): void {
    this.#urgentTransaction(() => {
      this.#endMove(id, 'done', '');
      this.#addFigures(this.#db.prepare('SELECT change FROM move WHERE id = ?').pluck().get(id) as number, figures);
    });
  }

  abortMove(id: MoveId, reason: string): void {
    this.#urgentTransaction(() => this.#endMove(id, 'aborted', reason));
  }

  close(): void {
    this.#db.close();
  }

  /** What only a change under way needs goes with its end. The latest move stays: ids of moves are never used again. */
  #forget(change: number): void {
    this.#db.prepare('UPDATE change SET ring_before = NULL WHERE id = ?').run(change);
    this.#db.prepare('DELETE FROM change WHERE id <= ?').run(change - changesKept);
    this.#db.prepare('DELETE FROM move WHERE change <= ? AND id < (SELECT max(id) FROM move)').run(change);
  }

  /** Of what ends a move or a change: it has room on a full disk too. */
  #urgentTransaction(work: () => void): void {
    withReserve(this.#reserve, () => this.#db.transaction(work));
  }

  /** Every shard was born after these moves began, and learns from the ring alone: nothing else is left to do. */
  #recoverMoves(): void {
    const isOver =
      this.#db.prepare("SELECT count(*) FROM move WHERE state IN ('open', 'committed')").pluck().get() === 0;
    // A disk without room must not keep a service from starting that has nothing to record.
    if (isOver) return;
    this.#db.transaction(() => {
      this.#db.prepare("UPDATE move SET state = 'aborted', reason = 'the primary ended' WHERE state = 'open'").run();
      this.#db.prepare("UPDATE move SET state = 'done' WHERE state = 'committed'").run();
    });
  }

  #endMove(id: MoveId, state: 'committed' | 'done' | 'aborted', reason: string): void {
    this.#db.prepare('UPDATE move SET state = ?, reason = ? WHERE id = ?').run(state, reason, id);
  }

  #addFigures(id: number, { slots, rows, bytes, freezeMaxMs, failures }: ChangeFigures): void {
    this.#db
      .prepare(
        `UPDATE change SET slots = slots + ?, rows = rows + ?, bytes = bytes + ?,
         freeze_max_ms = max(freeze_max_ms, ?), failures = failures + ? WHERE id = ?`,
      )
      .run(slots, rows, bytes, freezeMaxMs, failures, id);
  }

  #setChange(id: number, state: ChangeState, reason: string): void {
    this.#db.prepare('UPDATE change SET state = ?, reason = ? WHERE id = ?').run(state, reason, id);
  }

  #createOnce({ shards, strategy, store, slots, rebuilt }: FreshService): void {
    if (this.#db.prepare('SELECT count(*) FROM service').pluck().get() !== 0) return;
    if (rebuilt !== undefined) return this.#rebuild({ strategy, store }, rebuilt);
    const weights = new Map(Array.from({ length: shards }, (_, index) => [index + 1, 1]));
    const { epoch, ranges } = firstRing(weights, slots).describe();
    this.#insertService(randomUUID(), { strategy, store }, shards);
    const insertShard = this.#db.prepare('INSERT INTO shard (id, weight) VALUES (?, ?)');
    for (const [id, weight] of weights) insertShard.run(id, weight);
    this.#insertRing({ epoch, ranges });
  }

  #rebuild(origin: Origin, { service, ring, shards, lastShard, lastMove }: RebuiltService): void {
    this.#insertService(service, origin, lastShard);
    const insertShard = this.#db.prepare('INSERT INTO shard (id, weight, acknowledged_lsn) VALUES (?, ?, ?)');
    for (const { id, weight, acknowledgedLsn } of shards) insertShard.run(id, weight, acknowledgedLsn);
    this.#insertRing(ring);
    if (lastMove === 0) return;
    this.#db
      .prepare(
        `INSERT INTO move (id, change, from_shard, to_shard, slots, state, reason)
         VALUES (?, 0, ?, ?, '[]', 'done', 'of before the recovery')`,
      )
      .run(lastMove, lastShard, lastShard);
  }

  #insertService(id: string, { strategy, store }: Origin, lastShard: number): void {
    this.#db
      .prepare('INSERT INTO service (id, strategy, store, last_shard) VALUES (?, ?, ?, ?)')
      .run(id, strategy, store, lastShard);
  }

  #insertRing({ epoch, ranges }: RingDescription): void {
    this.#db.prepare('INSERT INTO ring (epoch, ranges) VALUES (?, ?)').run(epoch, JSON.stringify(ranges));
  }

  #ringOf(description: RingDescription): Ring {
    return ringOf(description, this.#slots);
  }

  #changeOf(row: ChangeRow): TopologyChange {
    return {
      id: row.id,
      kind: row.kind,
      request: JSON.parse(row.request) as ChangeRequest,
      state: row.state,
      reason: row.reason,
      isPaused: row.paused !== 0,
      weightsBefore: new Map(JSON.parse(row.weights_before)),
      ringBefore: row.ring_before === null ? null : this.#ringOf(JSON.parse(row.ring_before)),
      weights: new Map(JSON.parse(row.weights)),
      askedAtMs: row.asked_at_ms,
      beganAtMs: row.began_at_ms,
      endedAtMs: row.ended_at_ms,
      done: {
        slots: row.slots,
        rows: row.rows,
        bytes: row.bytes,
        freezeMaxMs: row.freeze_max_ms,
        failures: row.failures,
      },
    };
  }
}
