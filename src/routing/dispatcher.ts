/**
 * Looks a slot's owner up in the ring and hands the request to that shard's link, unless it is a read that the owner's
 * file answers. A request whose slot is just moving waits here for the new ring; one whose shard is away waits in that
 * shard's link. It keeps no data.
 */

import { type HoldLimits, HoldQueue } from '../holding/hold-queue.ts';
import { noOpId, type OpId } from '../kv/op-id.ts';
import type { Operation } from '../kv/operation.ts';
import type { Timing } from '../kv/store.ts';
import type { Ring } from '../partition/ring.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import { failpoint } from '../ports/failpoint.ts';
import { invariant } from '../ports/invariant.ts';
import type { Sockets } from '../ports/sockets.ts';
import { type Answer, movedAnswer } from '../wire/answer-frame.ts';
import type { WireError } from '../wire/frame.ts';
import { type Asked, isQuery, requestFrameBytes, type ShardQuery } from '../wire/request-frame.ts';
import { DirectReads, type FileOfShard, isDirect } from './direct-reads.ts';
import { OpIds } from './op-ids.ts';
import { givenUp, overloaded, type Pending } from './pending.ts';
import { type Seen, ShardLink } from './shard-link.ts';

export type ShardAddress = {
  readonly id: number;
  readonly state: string;
  /** Set while the shard is ready, or silent. */
  readonly socketPath: string | null;
  /** Whether the shard has served from its file, and did not refuse it since. */
  readonly fileFits: boolean;
};

export type DispatcherOptions = {
  readonly clock: Clock;
  readonly sockets: Sockets;
  readonly hold: HoldLimits;
  readonly frameBytesMax: number;
  readonly onWireError: (error: WireError) => void;
  /** Where single keys are read without asking their shards; absent where everything is forwarded. */
  readonly fileOf?: FileOfShard;
  /** Of this router's life alone; made of random bytes when absent. */
  readonly opIds?: OpIds;
};

export type Standing = {
  readonly serving: readonly number[];
  readonly silent: readonly number[];
  readonly failed: readonly number[];
  readonly away: readonly number[];
};

/** A moving slot is tried again this often: its shard may have got it back without a new ring. */
export const retryIntervalMs = 10;

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #links = new Map<number, ShardLink>();
  readonly #seen: Seen;
  readonly #opIds: OpIds;
  #ring: Ring;
  /** Those that have a process. */
  #shards: readonly number[] = [];
  /** Those of whom nothing was heard for a second. */
  #silent: ReadonlySet<number> = new Set();
  /** Requests that no shard serves right now. */
  readonly #parked: HoldQueue<Pending>;
  readonly #directReads: DirectReads | undefined;
  #retry: Timer | undefined;

  constructor(ring: Ring, options: DispatcherOptions) {
    this.#ring = ring;
    this.#seen = { lsn: 0, epoch: ring.epoch };
    this.#options = options;
    this.#opIds = options.opIds ?? new OpIds();
    this.#parked = new HoldQueue(options.clock, options.hold, {
      bytesOf: ({ frameBytes }) => frameBytes,
      onOverdue: (pending) =>
        pending.settle(givenUp(pending, `Slot ${pending.operation.slot} was moving for too long.`)),
    });
    const { clock, fileOf } = options;
    const forward = (pending: Pending) => this.#dispatch(pending);
    this.#directReads = fileOf && new DirectReads({ clock, fileOf, ring: () => this.#ring, forward });
  }

  /** The newest. */
  get ring(): Ring {
    return this.#ring;
  }

  /** Those that have a process. */
  get shards(): readonly number[] {
    return this.#shards;
  }

  /** @param settle called exactly once */
  execute(operation: Operation, settle: (answer: Answer) => void, timing?: Timing): void {
    const pending = this.#pendingOf(operation, this.#opIds.next(operation), settle, timing);
    if (this.#directReads !== undefined && isDirect(pending)) this.#directReads.take(pending);
    else this.#dispatch(pending);
  }

  /** Of one shard, whatever the ring says. @param settle called exactly once */
  ask(shard: number, query: ShardQuery, settle: (answer: Answer) => void): void {
    this.#linkOf(shard).request(this.#pendingOf(query, noOpId, settle, undefined));
  }

  /** Epochs never go back: an older ring is late news. */
  adopt(ring: Ring, addresses: readonly ShardAddress[]): void {
    const isNew = ring.epoch > this.#ring.epoch;
    if (ring.epoch === this.#ring.epoch)
      invariant(ring.isSameAs(this.#ring), `there are two rings of epoch ${ring.epoch}`);
    if (isNew) failpoint('router:ring:before');
    if (ring.epoch >= this.#ring.epoch) {
      this.#ring = ring;
      this.#seen.epoch = ring.epoch;
    }
    this.#shards = addresses.map(({ id }) => id);
    this.#silent = new Set(addresses.filter(({ state }) => state === 'silent').map(({ id }) => id));
    this.#directReads?.readOnly(addresses.filter(({ fileFits }) => fileFits).map(({ id }) => id));
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
      // Its keys are with others by this ring: a listing is asked of them.
      for (const pending of link.takeBack(({ kind }) => kind === 'list')) pending.settle(movedAnswer);
      link.stop();
      this.#links.delete(id);
    }
    if (astray.length > 0) failpoint('router:take-back:before');
    for (const pending of astray) this.#dispatch(pending);
    if (astray.length > 0) failpoint('router:take-back:after');
    this.#dispatchParked();
    if (isNew) failpoint('router:ring:after');
  }

  /** Requests that are taken on and not answered yet. */
  get held(): number {
    return [...this.#links.values()].reduce((sum, link) => sum + link.held, this.#parked.size);
  }

  /** Ids of shards by how their links stand. */
  standing(): Standing {
    const silent = [...this.#links.values()].filter(({ shard }) => this.#silent.has(shard));
    const links = [...this.#links.values()].filter(({ shard }) => !this.#silent.has(shard));
    const idsOf = (some: ShardLink[]) => some.map(({ shard }) => shard);
    return {
      serving: idsOf(links.filter(({ state }) => state === 'serving')),
      silent: idsOf(silent),
      failed: idsOf(links.filter(({ state }) => state === 'failed')),
      away: idsOf(links.filter(({ state }) => state === 'waiting' || state === 'connecting')),
    };
  }

  /** Idempotent. */
  stop(): void {
    this.#retry?.cancel();
    this.#directReads?.stop();
    for (const link of this.#links.values()) link.stop();
    this.#parked.stop();
    for (const pending of this.#parked.take()) pending.settle(givenUp(pending, 'The service is stopping.'));
  }

  #dispatch(pending: Pending): void {
    this.#linkOf(this.#ring.shardOf(pending.operation.slot)).request(pending);
  }

  #linkOf(shard: number): ShardLink {
    const known = this.#links.get(shard);
    if (known !== undefined) return known;
    const link = new ShardLink(shard, this.#seen, this.#options, {
      onMoved: (pending) => {
        if (isQuery(pending.operation)) pending.settle(movedAnswer);
        else this.#park(pending);
      },
      onWireError: this.#options.onWireError,
    });
    this.#links.set(shard, link);
    return link;
  }

  #park(pending: Pending): void {
    failpoint('router:hold:before');
    if (!this.#parked.add(pending)) {
      const detail = `${this.#parked.size} requests are waiting for moving slots. Send fewer at once.`;
      return pending.settle(overloaded(pending, detail));
    }
    this.#retry ??= this.#options.clock.after(retryIntervalMs, () => this.#dispatchParked());
    failpoint('router:hold:after');
  }

  #dispatchParked(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    if (this.#parked.size === 0) return;
    failpoint('router:release:before');
    for (const pending of this.#parked.take()) this.#dispatch(pending);
    failpoint('router:release:after');
  }

  #pendingOf(operation: Asked, opId: OpId, settle: (answer: Answer) => void, timing: Timing | undefined): Pending {
    const startedAtMs = this.#options.clock.nowMs();
    const frameBytes = requestFrameBytes(operation);
    return {
      operation,
      frameBytes,
      opId,
      startedAtMs,
      settle,
      openSends: 0,
      seenLsn: 0,
      requestId: 0,
      sentAtMs: 0,
      timing,
    };
  }
}
