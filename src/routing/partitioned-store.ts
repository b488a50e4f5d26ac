/** The Store over shards: what the dispatcher answers, as promises; pages of keys and the feed out of all shards. */

import type { FeedPage, FeedSource, Place } from '../kv/feed.ts';
import type { Listing, ListQuery } from '../kv/listing.ts';
import type { Operation } from '../kv/operation.ts';
import type { FailedOutcome, Outcome } from '../kv/outcome.ts';
import type { OnSettled, Store, Timing } from '../kv/store.ts';
import type { Ring } from '../partition/ring.ts';
import type { Clock } from '../ports/clock.ts';
import { type Answer, feedPageOf } from '../wire/answer-frame.ts';
import { WireError } from '../wire/frame.ts';
import type { ShardQuery } from '../wire/request-frame.ts';
import { type Dispatcher, retryIntervalMs, type ShardAddress } from './dispatcher.ts';
import { KeyLister } from './key-lister.ts';

export type PartitionedStoreOptions = {
  readonly clock: Clock;
  /** How long a page may wait for its shards, in milliseconds. */
  readonly holdDeadlineMs: number;
  readonly onSettled: OnSettled;
};

export class PartitionedStore implements Store {
  readonly feed: FeedSource = {
    shards: () => this.#dispatcher.shards,
    lastShard: () => this.#lastShard,
    page: (shard, after, rowsMax) => this.#feedPage(shard, after, rowsMax),
  };
  readonly #options: PartitionedStoreOptions;
  readonly #dispatcher: Dispatcher;
  readonly #lister: KeyLister;
  /** The highest id that any shard ever had. */
  #lastShard = 0;

  constructor(dispatcher: Dispatcher, options: PartitionedStoreOptions) {
    this.#options = options;
    this.#dispatcher = dispatcher;
    this.#lister = new KeyLister({
      ring: () => this.#dispatcher.ring,
      ask: (shard, query) => this.#ask(shard, query),
      holdDeadlineMs: options.holdDeadlineMs,
      retryIntervalMs,
    });
  }

  execute(operation: Operation, timing?: Timing): Promise<Outcome> {
    const { clock, onSettled } = this.#options;
    const startedAtMs = clock.nowMs();
    return new Promise((resolve, reject) => {
      const settle = (answer: Answer) => {
        if (!isOutcome(answer)) return reject(new WireError(`a shard answered ${operation.kind} with ${answer.kind}`));
        onSettled(operation, clock.nowMs() - startedAtMs, answer);
        resolve(answer);
      };
      this.#dispatcher.execute(operation, settle, timing);
    });
  }

  list(query: ListQuery): Promise<Listing | FailedOutcome> {
    return this.#lister.page(query);
  }

  adopt(ring: Ring, addresses: readonly ShardAddress[], lastShard: number): void {
    this.#lastShard = lastShard;
    this.#dispatcher.adopt(ring, addresses);
  }

  /** Requests that are taken on and not answered yet. */
  get held(): number {
    return this.#dispatcher.held;
  }

  standing(): ReturnType<Dispatcher['standing']> {
    return this.#dispatcher.standing();
  }

  async stop(): Promise<void> {
    this.#dispatcher.stop();
  }

  async #feedPage(shard: number, after: Place, rowsMax: number): Promise<FeedPage | FailedOutcome> {
    const answer = await this.#ask(shard, { kind: 'feed', slot: 0, after, rowsMax });
    if (answer.kind === 'feed') return feedPageOf(answer);
    if (answer.kind === 'failed') return answer;
    throw new WireError(`shard ${shard} answered feed with ${answer.kind}`);
  }

  #ask(shard: number, query: ShardQuery): Promise<Answer> {
    return new Promise((resolve) => this.#dispatcher.ask(shard, query, resolve));
  }
}

function isOutcome(answer: Answer): answer is Outcome {
  return answer.kind !== 'listing' && answer.kind !== 'feed' && answer.kind !== 'moved';
}
