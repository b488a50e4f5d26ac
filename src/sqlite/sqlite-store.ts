/**
 * The Store over one SQLite file in this very process: what arrives in one event-loop turn becomes one batch.
 * The strategies without shards stand on it; a shard puts the same file behind the wire instead.
 *
 * Other processes may write the same file. While one of them holds its lock, writes wait here, gather more of
 * their kind, and leave together; reads go on. This process never sleeps.
 */

import { defaultHoldLimits } from '../holding/hold-queue.ts';
import type { FeedSource } from '../kv/feed.ts';
import type { Listing, ListQuery } from '../kv/listing.ts';
import { isWrite, type KeyOperation, type Operation } from '../kv/operation.ts';
import type { FailedOutcome, Outcome } from '../kv/outcome.ts';
import type { OnSettled, Store } from '../kv/store.ts';
import { unlessBusy } from './database.ts';
import type { ShardFile } from './shard-file.ts';

type Waiting = {
  readonly operation: Operation;
  readonly startedAtMs: number;
  readonly settle: (outcome: Outcome) => void;
};

export type SqliteStoreOptions = {
  readonly onSettled?: OnSettled;
};

/** Of the lock: whoever holds it for longer was stopped or hangs. */
const { deadlineMs: holdDeadlineMs, countMax: waitingMax, bytesMax: waitingBytesMax } = defaultHoldLimits;
/**
 * A lock is usually free again within a millisecond or two: for so long it is asked for in every turn of the event
 * loop, then by a timer, which leaves the processor to whoever holds it. Measured on 2 cores, 64 connections that
 * write, p99 with 2 and with 4 clones: so 12 and 41 ms; by the timer alone 24 and 20; never by it (20 ms) 13 and 77;
 * by SQLite's own waiting, which sleeps, 101 and 556.
 */
const eagerMs = 3;
const patientIntervalMs = 1;

/** The file has all keys: it counts as one shard. */
const onlyShard = 1;

export class SqliteStore implements Store {
  readonly feed: FeedSource = {
    shards: () => [onlyShard],
    lastShard: () => onlyShard,
    page: (_shard, after, rowsMax) => this.#whenFree(() => ({ ...this.#file.feed(after, rowsMax), epoch: 1 })),
  };
  readonly #file: ShardFile;
  readonly #onSettled: OnSettled;
  /** In order of arrival. */
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #isScheduled = false;
  /** When another process was first found holding the lock; undefined while the last try succeeded. */
  #busySinceMs: number | undefined;

  constructor(file: ShardFile, { onSettled = () => {} }: SqliteStoreOptions = {}) {
    this.#file = file;
    this.#onSettled = onSettled;
  }

  /** Operations that are not answered yet. */
  get held(): number {
    return this.#waiting.length;
  }

  execute(operation: Operation): Promise<Outcome> {
    return new Promise((settle) => {
      if (this.#waiting.length >= waitingMax || this.#waitingBytes >= waitingBytesMax) return settle(overloaded);
      this.#waitingBytes += bytesOf(operation);
      this.#waiting.push({ operation, startedAtMs: performance.now(), settle });
      this.#schedule();
    });
  }

  async list(query: ListQuery): Promise<Listing | FailedOutcome> {
    return this.#whenFree(() => this.#file.list(query, () => true));
  }

  async stop(): Promise<void> {
    while (this.#waiting.length > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    this.#file.close();
  }

  /** Reads hardly ever find the file busy. */
  async #whenFree<T>(ask: () => T): Promise<T | FailedOutcome> {
    for (const startedAtMs = performance.now(); performance.now() - startedAtMs < holdDeadlineMs; ) {
      const answer = unlessBusy(ask);
      if (answer !== undefined) return answer;
      await new Promise((resolve) => setTimeout(resolve, patientIntervalMs));
    }
    return held;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const isEager = this.#busySinceMs === undefined || performance.now() - this.#busySinceMs < eagerMs;
    if (isEager) setImmediate(() => this.#runTurn());
    else setTimeout(() => this.#runTurn(), patientIntervalMs);
  }

  /**
   * Whatever SQLite throws, except that the file is busy, is thrown on and ends the process: nobody knows any more
   * what is on disk.
   */
  #runTurn(): void {
    this.#isScheduled = false;
    const turn = this.#take();
    if (this.#isDone(turn)) {
      this.#busySinceMs = undefined;
    } else {
      this.#busySinceMs ??= performance.now();
      this.#waitOn(turn);
    }
  }

  /** False when the file is busy. */
  #isDone(turn: readonly Waiting[]): boolean {
    const outcomes = unlessBusy(() => this.#file.execute(turn));
    if (outcomes !== undefined) this.#settle(turn, outcomes);
    return outcomes !== undefined;
  }

  #take(): readonly Waiting[] {
    const turn = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    return turn;
  }

  /** Reads hardly ever need a lock; but one that came after a write of its key must see that write. */
  #waitOn(turn: readonly Waiting[]): void {
    const written = new Set<string>();
    const overdueBefore = performance.now() - holdDeadlineMs;
    for (const one of turn) {
      const { operation, startedAtMs } = one;
      const keys = partsOf(operation).map(({ key }) => key.toString('latin1'));
      if (startedAtMs < overdueBefore) {
        this.#settle([one], [held]);
      } else if (isWrite(operation) || keys.some((key) => written.has(key)) || !this.#isDone([one])) {
        for (const key of keys) written.add(key);
        this.#waitingBytes += bytesOf(operation);
        this.#waiting.push(one);
      }
    }
    if (this.#waiting.length > 0) this.#schedule();
  }

  #settle(turn: readonly Waiting[], outcomes: readonly Outcome[]): void {
    const nowMs = performance.now();
    for (const [index, { operation, settle, startedAtMs }] of turn.entries()) {
      const outcome = outcomes[index] as Outcome;
      this.#onSettled(operation, nowMs - startedAtMs, outcome);
      settle(outcome);
    }
  }
}

function partsOf(operation: Operation): readonly KeyOperation[] {
  return operation.kind === 'atomic' ? operation.operations : [operation];
}

function bytesOf(operation: Operation): number {
  return partsOf(operation).reduce((sum, part) => sum + (part.kind === 'put' ? part.value.length : 0), 0);
}

const overloaded: FailedOutcome = {
  kind: 'failed',
  code: 'overloaded',
  detail: 'Too many requests are waiting for the file that all clones share. Send fewer at once.',
};
const held: FailedOutcome = {
  kind: 'failed',
  code: 'store-unavailable',
  detail: 'Another process holds the file that all clones share. The request was not applied.',
};
