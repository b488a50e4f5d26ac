/**
 * The Store over Redis or Valkey, one server or a Cluster. Stateless: any number of processes, on any number of
 * machines, may serve the same data. Each write has an op id under which Redis remembers its answer, so it may be sent
 * again after whatever happened, and is applied once. While Redis is away, operations wait here.
 */

import { randomBytes } from 'node:crypto';
import type { RedisAddress } from '../config/redis-address.ts';
import { defaultHoldLimits } from '../holding/hold-queue.ts';
import type { FeedSource } from '../kv/feed.ts';
import type { Listing, ListQuery } from '../kv/listing.ts';
import { noOpId, type OpId, opIdBytes } from '../kv/op-id.ts';
import { isWrite, type Operation } from '../kv/operation.ts';
import type { FailedOutcome, Outcome } from '../kv/outcome.ts';
import type { OnSettled, Store } from '../kv/store.ts';
import { runCommand } from './redis-command.ts';
import { RedisConnection, type RedisConnectionEvents, type RedisStanding } from './redis-connection.ts';
import { type ErrorMeaning, isDenialWithinScript, isOfMovingSlot, meaningOf } from './redis-error.ts';
import { pageOfRedis } from './redis-listing.ts';
import { askAlone, askTogether } from './redis-question.ts';
import { RedisSweeper } from './redis-sweeper.ts';

/** As long as a router holds a request whose shard is away. */
const { deadlineMs: holdDeadlineMs, countMax: pendingMax, bytesMax: pendingBytesMax } = defaultHoldLimits;
const retryIntervalMs = 50;
/**
 * Nothing is sent again so shortly before its deadline: a write would be answered `outcome-unknown` while it is under
 * way, although Redis has refused it every time. Longer than ioredis follows redirections (redis-client.ts).
 */
const lastTryMs = 300;
type Pending = {
  readonly operation: Operation;
  /** `noOpId` for a read. */
  readonly opId: OpId;
  readonly startedAtMs: number;
  readonly settle: (outcome: Outcome) => void;
  readonly fail: (error: unknown) => void;
  /** Redis may have applied it: the answer is awaited, or was lost. */
  mayBeApplied: boolean;
  /** A server of the Cluster has named another one. From then on it is sent alone, so that ioredis can follow. */
  isRedirected: boolean;
  /** Why it waits, in Redis's words. */
  why: string;
};

export type RedisStoreEvents = Omit<RedisConnectionEvents, 'onStanding'> & {
  readonly onSettled: OnSettled;
};

export class RedisStore implements Store {
  /** Undefined: Redis keeps no ledger of writes. */
  readonly feed: FeedSource | undefined;
  readonly #connection: RedisConnection;
  readonly #onSettled: OnSettled;
  /** Everything that is not answered yet, in order of arrival. */
  readonly #pending = new Set<Pending>();
  #pendingBytes = 0;
  /** The part of `#pending` that waits to be sent, or sent again. */
  #parked: Pending[] = [];
  readonly #ticks: NodeJS.Timeout;
  readonly #sweeper: RedisSweeper;

  constructor(address: RedisAddress, events: RedisStoreEvents) {
    this.#onSettled = events.onSettled;
    this.#connection = new RedisConnection(address, {
      ...events,
      onStanding: ({ kind }) => {
        if (kind === 'serving') this.#sendParked();
      },
    });
    this.#ticks = setInterval(() => this.#tick(), retryIntervalMs);
    this.#sweeper = new RedisSweeper(this.#connection);
  }

  get standing(): RedisStanding {
    return this.#connection.standing;
  }

  /** Operations that are not answered yet. */
  get held(): number {
    return this.#pending.size;
  }

  execute(operation: Operation): Promise<Outcome> {
    if (this.#isUnfitForLong()) return Promise.resolve(this.#givenUp({ mayBeApplied: false, why: silent }));
    if (this.#pending.size >= pendingMax || this.#pendingBytes >= pendingBytesMax) return Promise.resolve(overloaded);
    return new Promise((settle, fail) => {
      const opId = isWrite(operation) ? randomBytes(opIdBytes) : noOpId;
      const pending: Pending = {
        operation,
        opId,
        startedAtMs: performance.now(),
        settle,
        fail,
        mayBeApplied: false,
        isRedirected: false,
        why: silent,
      };
      this.#pending.add(pending);
      this.#pendingBytes += bytesOf(operation);
      this.#send(pending);
    });
  }

  async list(query: ListQuery): Promise<Listing | FailedOutcome> {
    let why = silent;
    for (
      const startedAtMs = performance.now();
      performance.now() - startedAtMs < holdDeadlineMs && !this.#isUnfitForLong();
    ) {
      const { client } = this.#connection;
      try {
        if (client !== undefined) return await pageOfRedis(client, query);
      } catch (error) {
        const meaning = meaningOf(error as Error);
        if (meaning === 'defect') throw error;
        if (meaning === 'denied') return this.#onDenied({ mayBeApplied: false, why: (error as Error).message });
        why = (error as Error).message;
      }
      await new Promise((resolve) => setTimeout(resolve, retryIntervalMs));
    }
    return this.#givenUp({ mayBeApplied: false, why });
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    while (this.#pending.size > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    clearInterval(this.#ticks);
    this.#sweeper.stop();
    this.#connection.stop();
  }

  #send(pending: Pending): void {
    const { client } = this.#connection;
    if (client === undefined) {
      this.#parked.push(pending);
      return;
    }
    const before = pending.mayBeApplied;
    pending.mayBeApplied = isWrite(pending.operation);
    const ask = pending.isRedirected ? askAlone(client) : askTogether(client);
    runCommand(ask, pending.operation, pending.opId).then(
      (outcome) => this.#settle(pending, outcome),
      (error: Error) => {
        const meaning = meaningOf(error);
        if (meaning !== 'lost' && !isDenialWithinScript(error)) pending.mayBeApplied = before;
        this.#onError(pending, meaning, error);
      },
    );
  }

  #onError(pending: Pending, meaning: ErrorMeaning, error: Error): void {
    if (!this.#pending.has(pending)) return;
    pending.why = error.message;
    switch (meaning) {
      case 'redirected':
        if (pending.isRedirected) break;
        pending.isRedirected = true;
        return this.#send(pending);
      case 'lost':
      case 'refused':
        break;
      case 'read-only':
        this.#connection.suspect();
        break;
      case 'denied':
        return this.#settle(pending, this.#onDenied(pending));
      case 'full':
        return this.#settle(pending, pending.mayBeApplied ? this.#givenUp(pending) : noRoom(error));
      case 'defect':
        this.#forget(pending);
        return pending.fail(error);
    }
    this.#parked.push(pending);
  }

  #sendParked(): void {
    const startedBefore = performance.now() - holdDeadlineMs + lastTryMs;
    for (const pending of this.#parked.splice(0)) {
      if (!this.#pending.has(pending)) continue;
      if (pending.startedAtMs < startedBefore) this.#parked.push(pending);
      else this.#send(pending);
    }
  }

  #tick(): void {
    const overdueBefore = performance.now() - holdDeadlineMs;
    const nobodyWaits = this.#isUnfitForLong();
    for (const pending of this.#pending) {
      if (pending.startedAtMs > overdueBefore && !nobodyWaits) break;
      this.#settle(pending, this.#givenUp(pending));
    }
    if (this.#connection.client !== undefined) this.#sendParked();
    else this.#parked = this.#parked.filter((pending) => this.#pending.has(pending));
  }

  /** After this time nobody waits any more: an operator has to act. Before it, a failover by hand may still end. */
  #isUnfitForLong(): boolean {
    const { standing } = this;
    return standing.kind === 'unfit' && performance.now() - standing.sinceMs > holdDeadlineMs;
  }

  #onDenied(asked: Pick<Pending, 'mayBeApplied' | 'why'>): FailedOutcome {
    this.#connection.suspect();
    if (asked.mayBeApplied) return this.#givenUp(asked);
    return { kind: 'failed', code: 'store-denied', detail: `Redis does not allow this: ${asked.why}.` };
  }

  #givenUp({ mayBeApplied, why }: Pick<Pending, 'mayBeApplied' | 'why'>): FailedOutcome {
    const { standing } = this;
    const isHalfMoved = isOfMovingSlot(why);
    if (isHalfMoved) this.#connection.report(`A write was refused for ${holdDeadlineMs / 1_000} s.${halfMoved}`);
    const [code, detail] =
      standing.kind === 'unfit'
        ? ([standing.code, standing.why] as const)
        : (['store-unavailable', `The store is away: ${why}.${isHalfMoved ? halfMoved : ''}`] as const);
    return { kind: 'failed', code: mayBeApplied ? 'outcome-unknown' : code, detail };
  }

  #settle(pending: Pending, outcome: Outcome): void {
    // The answer may come after it was given up.
    if (!this.#pending.has(pending)) return;
    this.#forget(pending);
    this.#onSettled(pending.operation, performance.now() - pending.startedAtMs, outcome);
    pending.settle(outcome);
  }

  #forget(pending: Pending): void {
    this.#pending.delete(pending);
    this.#pendingBytes -= bytesOf(pending.operation);
  }
}

function bytesOf(operation: Operation): number {
  if (operation.kind === 'atomic') return operation.operations.reduce((sum, part) => sum + bytesOf(part), 0);
  return operation.kind === 'put' ? operation.value.length : 0;
}

const silent = 'Redis does not answer';

const halfMoved =
  ' The Cluster has not finished moving the slot of this key, and cannot be written there before: ' +
  'if nothing moves it any more, `redis-cli --cluster fix` ends it.';

const overloaded: FailedOutcome = {
  kind: 'failed',
  code: 'overloaded',
  detail: 'Too many requests are waiting for Redis. Send fewer at once.',
};

function noRoom({ message }: Error): FailedOutcome {
  return {
    kind: 'failed',
    code: 'disk-full',
    detail: `Redis has no memory left: ${message} The write was not applied.`,
  };
}
