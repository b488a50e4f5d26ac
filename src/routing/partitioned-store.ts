/**
 * The Store over shards: looks a slot's owner up in the ring and forwards to it. It keeps no data. A request
 * whose slot is just moving waits here for the new ring; one whose shard is away waits in that shard's link.
 */

import { randomBytes } from 'node:crypto';
import type { FeedPage, FeedSource } from '../kv/feed.ts';
import type { Listing, ListQuery } from '../kv/listing.ts';
import { type OpId, opIdBytes } from '../kv/op-id.ts';
import { isWrite, type Operation } from '../kv/operation.ts';
import type { FailedOutcome, Outcome } from '../kv/outcome.ts';
import type { Store, Timing } from '../kv/store.ts';
import { writeUInt53 } from '../kv/uint53.ts';
import type { Ring } from '../partition/ring.ts';
import { failpoint } from '../supervision/failpoint.ts';
import { type Answer, feedPageOf } from '../wire/answer-frame.ts';
import { WireError } from '../wire/frame.ts';
import { isQuery, noResend, type ShardQuery } from '../wire/request-frame.ts';
import { KeyLister } from './key-lister.ts';
import { givenUp, overloaded, type Pending } from './pending.ts';
import { type LinkLimits, type Seen, ShardLink } from './shard-link.ts';

export type ShardAddress = {
  readonly id: number;
  readonly state: string;
  /** Set exactly while the shard is ready. */
  readonly socketPath: string | null;
};

export type PartitionedStoreEvents = {
  /** One request was answered or given up, this long after it came. */
  readonly onSettled: (durationMs: number, answer: Answer) => void;
  readonly onWireError: (error: WireError) => void;
};

/** A moving slot is tried again this often: its shard may have got it back without a new ring. */
const retryIntervalMs = 10;

const sessionBytes = opIdBytes - 8;

export class PartitionedStore implements Store {
  readonly feed: FeedSource = {
    shards: () => this.#shards,
    lastShard: () => this.#lastShard,
    page: (shard, afterLsn, rowsMax) => this.#feedPage(shard, afterLsn, rowsMax),
  };
  readonly #limits: LinkLimits;
  readonly #events: PartitionedStoreEvents;
  readonly #links = new Map<number, ShardLink>();
  readonly #seen: Seen;
  readonly #lister: KeyLister;
  /** New for each router life: op ids of two lives never meet. */
  readonly #session = randomBytes(sessionBytes);
  #writesBegun = 0;
  #ring: Ring;
  /** Those that have a process. */
  #shards: readonly number[] = [];
  #lastShard = 0;
  /** Requests that no shard serves right now, in order of arrival. */
  #parked: Pending[] = [];
  #retry: NodeJS.Timeout | undefined;

  constructor(ring: Ring, limits: LinkLimits, events: PartitionedStoreEvents) {
    this.#ring = ring;
    this.#seen = { lsn: 0, epoch: ring.epoch };
    this.#limits = limits;
    this.#events = events;
    this.#lister = new KeyLister({
      ring: () => this.#ring,
      ask: (shard, query) => this.#ask(shard, query),
      holdDeadlineMs: limits.holdDeadlineMs,
      retryIntervalMs,
    });
  }

  execute(operation: Operation, timing?: Timing): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const startedAtMs = performance.now();
      this.#dispatch({
        operation,
        opId: this.#opIdOf(operation),
        startedAtMs,
        settle: (answer) => {
          this.#events.onSettled(performance.now() - startedAtMs, answer);
          if (isOutcome(answer)) resolve(answer);
          else reject(new WireError(`a shard answered ${operation.kind} with ${answer.kind}`));
        },
        openSends: 0,
        seenLsn: 0,
        sentAtMs: 0,
        timing,
      });
    });
  }

  list(query: ListQuery): Promise<Listing | FailedOutcome> {
    return this.#lister.page(query);
  }

  /**
   * Epochs never go back: an older ring is late news.
   * @param lastShard the highest id that any shard ever had
   */
  adopt(ring: Ring, addresses: readonly ShardAddress[], lastShard: number): void {
    const isNew = ring.epoch > this.#ring.epoch;
    if (isNew) failpoint('router:ring:before');
    if (ring.epoch >= this.#ring.epoch) {
      this.#ring = ring;
      this.#seen.epoch = ring.epoch;
    }
    this.#shards = addresses.map(({ id }) => id);
    this.#lastShard = lastShard;
    const known = new Set(this.#shards);
    for (const { id, state, socketPath } of addresses) {
      const link = this.#linkOf(id);
      if (socketPath !== null) link.serveAt(socketPath);
      else if (state === 'failed') link.giveUp();
      else link.wait();
    }
    // In order of arrival on the whole: what waits in links came before what is parked here.
    const astray = [...this.#links.values()].flatMap((link) =>
      link.takeBack((operation) => !isQuery(operation) && this.#ring.shardOf(operation.slot) !== link.shard),
    );
    for (const [id, link] of this.#links) {
      if (known.has(id)) continue;
      link.stop();
      this.#links.delete(id);
    }
    if (astray.length > 0) failpoint('router:take-back:before');
    for (const pending of astray) this.#dispatch(pending);
    if (astray.length > 0) failpoint('router:take-back:after');
    this.#dispatchParked();
    if (isNew) failpoint('router:ring:after');
  }

  /** Ids of shards by how their links stand. */
  standing(): { readonly serving: number[]; readonly failed: number[]; readonly away: number[] } {
    const links = [...this.#links.values()];
    const idsOf = (some: ShardLink[]) => some.map(({ shard }) => shard);
    return {
      serving: idsOf(links.filter(({ state }) => state === 'serving')),
      failed: idsOf(links.filter(({ state }) => state === 'failed')),
      away: idsOf(links.filter(({ state }) => state === 'waiting' || state === 'connecting')),
    };
  }

  async stop(): Promise<void> {
    clearTimeout(this.#retry);
    for (const link of this.#links.values()) link.stop();
    for (const pending of this.#parked.splice(0)) pending.settle(givenUp(pending, 'The service is stopping.'));
  }

  #dispatch(pending: Pending): void {
    this.#linkOf(this.#ring.shardOf(pending.operation.slot)).request(pending);
  }

  #linkOf(shard: number): ShardLink {
    const known = this.#links.get(shard);
    if (known !== undefined) return known;
    const link = new ShardLink(shard, this.#seen, this.#limits, {
      onMoved: (pending) => {
        if (isQuery(pending.operation)) pending.settle({ kind: 'moved' });
        else this.#park(pending);
      },
      onWireError: this.#events.onWireError,
    });
    this.#links.set(shard, link);
    return link;
  }

  #park(pending: Pending): void {
    if (this.#parked.length >= this.#limits.pendingMax) {
      const detail = `${this.#parked.length} requests are waiting for moving slots: send fewer at once.`;
      return pending.settle(overloaded(pending, detail));
    }
    failpoint('router:hold:before');
    this.#parked.push(pending);
    this.#retry ??= setTimeout(() => this.#dispatchParked(), retryIntervalMs);
    failpoint('router:hold:after');
  }

  #dispatchParked(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (this.#parked.length === 0) return;
    failpoint('router:release:before');
    const overdueBefore = performance.now() - this.#limits.holdDeadlineMs;
    for (const pending of this.#parked.splice(0)) {
      if (pending.startedAtMs > overdueBefore) this.#dispatch(pending);
      else pending.settle(givenUp(pending, `Slot ${pending.operation.slot} was moving for too long.`));
    }
    failpoint('router:release:after');
  }

  async #feedPage(shard: number, afterLsn: number, rowsMax: number): Promise<FeedPage | FailedOutcome> {
    const answer = await this.#ask(shard, { kind: 'feed', slot: 0, afterLsn, rowsMax });
    if (answer.kind === 'feed') return feedPageOf(answer);
    if (answer.kind === 'failed') return answer;
    throw new WireError(`shard ${shard} answered feed with ${answer.kind}`);
  }

  /** What is asked of one shard, whatever the ring says. */
  #ask(shard: number, query: ShardQuery): Promise<Answer> {
    return new Promise((resolve) => {
      this.#linkOf(shard).request({
        operation: query,
        opId: noResend.opId,
        startedAtMs: performance.now(),
        settle: resolve,
        openSends: 0,
        seenLsn: 0,
        sentAtMs: 0,
        timing: undefined,
      });
    });
  }

  #opIdOf(operation: Operation): OpId {
    if (!isWrite(operation)) return noResend.opId;
    if (operation.kind === 'atomic') return this.#newOpId(operation.operations.length);
    return operation.idempotencyKey?.opId ?? this.#newOpId(1);
  }

  /** The first of so many that follow one another. */
  #newOpId(count: number): OpId {
    const opId = Buffer.allocUnsafe(opIdBytes);
    this.#session.copy(opId);
    writeUInt53(opId, this.#writesBegun + 1, sessionBytes);
    this.#writesBegun += count;
    return opId;
  }
}

function isOutcome(answer: Answer): answer is Outcome {
  return answer.kind !== 'listing' && answer.kind !== 'feed' && answer.kind !== 'moved';
}
