/**
 * Single keys that a router reads from the files of their shards by itself, whether these are at work, busy or dead.
 * All reads of one turn of the event loop are one snapshot of each file. What does not count, or cannot be read, goes
 * to the shard as if there were no direct reads. Nothing waits here for longer than a turn.
 */

import { latestSince, type TimeNote } from '../kv/expiry-clock.ts';
import type { ReadOperation } from '../kv/operation.ts';
import type { KeyOutcome } from '../kv/outcome.ts';
import type { Ring } from '../partition/ring.ts';
import { countsAt, type Standing } from '../partition/standing.ts';
import type { Clock } from '../ports/clock.ts';
import type { Pending } from './pending.ts';

/** The file of a shard, to be read. */
export interface ReadableFile {
  /** All of it as of one moment, and of what has expired too; undefined when it cannot be read right now. */
  read(operations: readonly ReadOperation[]):
    | {
        readonly standing: Standing;
        /** Of the clock by which the shard judges what has expired. */
        readonly time: TimeNote;
        readonly outcomes: readonly KeyOutcome[];
      }
    | undefined;
  /** Idempotent. */
  close(): void;
}

/** The file of a shard with this id, which may not be there. */
export type FileOfShard = (shard: number) => ReadableFile;

export type DirectReadsContext = {
  readonly clock: Clock;
  readonly fileOf: FileOfShard;
  /** The newest. */
  readonly ring: () => Ring;
  /** Asks the shard. */
  readonly forward: (pending: Pending) => void;
};

type PendingRead = Pending & { readonly operation: ReadOperation };

export class DirectReads {
  readonly #context: DirectReadsContext;
  readonly #files = new Map<number, ReadableFile>();
  #readable: ReadonlySet<number> = new Set();
  #turn: PendingRead[] = [];

  constructor(context: DirectReadsContext) {
    this.#context = context;
  }

  /** Takes a read on until the end of this turn. */
  take(pending: PendingRead): void {
    if (this.#turn.length === 0) this.#context.clock.soon(() => this.#runTurn());
    this.#turn.push(pending);
  }

  /** Only the files of these shards: those of all others are let go of. */
  readOnly(shards: readonly number[]): void {
    this.#readable = new Set(shards);
    for (const [shard, file] of this.#files) {
      if (this.#readable.has(shard)) continue;
      file.close();
      this.#files.delete(shard);
    }
  }

  /** Answers what waits, or gives it to the shards. Idempotent. */
  stop(): void {
    this.#runTurn();
    this.readOnly([]);
  }

  #runTurn(): void {
    const ring = this.#context.ring();
    const byShard = new Map<number, PendingRead[]>();
    for (const read of this.#turn) {
      const shard = ring.shardOf(read.operation.slot);
      const others = byShard.get(shard);
      if (others === undefined) byShard.set(shard, [read]);
      else others.push(read);
    }
    this.#turn = [];
    for (const [shard, reads] of byShard) this.#readTogether(shard, reads, ring.epoch);
  }

  #readTogether(shard: number, reads: readonly PendingRead[], epoch: number): void {
    const { clock, forward } = this.#context;
    const beganAtMs = clock.nowMs();
    const operations = reads.map(({ operation }) => operation);
    const reading = this.#readable.has(shard) ? this.#fileOf(shard).read(operations) : undefined;
    const sqliteMs = clock.nowMs() - beganAtMs;
    const isCounted = reading !== undefined && countsAt(epoch, reading.standing);
    for (const [index, read] of reads.entries()) {
      const outcome = isCounted ? (reading.outcomes[index] as KeyOutcome) : undefined;
      if (outcome === undefined || (expires(outcome) && mayHaveExpired(outcome, reading?.time, clock))) {
        forward(read);
        continue;
      }
      if (read.timing !== undefined) Object.assign(read.timing, { executor: `shard-${shard}`, sqliteMs });
      read.settle(outcome);
    }
  }

  #fileOf(shard: number): ReadableFile {
    const known = this.#files.get(shard);
    if (known !== undefined) return known;
    const file = this.#context.fileOf(shard);
    this.#files.set(shard, file);
    return file;
  }
}

export function isDirect(pending: Pending): pending is PendingRead {
  return pending.operation.kind === 'get' || pending.operation.kind === 'head';
}

function expires(outcome: KeyOutcome): outcome is KeyOutcome & { readonly expiresAtMs: number } {
  return 'expiresAtMs' in outcome && outcome.expiresAtMs !== undefined;
}

/** Whether something has expired is for its shard to say, by its own clock: here it is known only what has not. */
function mayHaveExpired(
  { expiresAtMs }: { readonly expiresAtMs: number },
  time: TimeNote | undefined,
  clock: Clock,
): boolean {
  const latestMs = time && latestSince(time, clock);
  return latestMs === undefined || expiresAtMs <= latestMs;
}
