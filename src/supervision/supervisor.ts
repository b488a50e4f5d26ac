/**
 * All children of the primary: forks them, tells them the topology whenever it changes, and stops them in
 * order. Those that speak HTTP (routers, or clones) go first when stopping, so that what clients were promised is
 * answered by living shards.
 */

import type { Ring } from '../partition/ring.ts';
import { type Clock, every, type Timer } from '../ports/clock.ts';
import type { MoveOrder } from '../rebalance/move.ts';
import type { Member, Members } from '../rebalance/ports.ts';
import type { RestartPolicy } from './child-state.ts';
import { heartbeatIntervalMs } from './heartbeat.ts';
import type { AccessMessage, MessageToChild, Topology } from './messages.ts';
import {
  type ChildListener,
  type ChildSpec,
  type ForkedProcess,
  type Outcome,
  type ShardSockets,
  SupervisedChild,
} from './supervised-child.ts';

/** What the children are: how they are forked, and how each life begins. */
export type Roster = {
  /** As the settings are at the moment of asking. */
  readonly frontends: () => readonly FrontendSpec[];
  readonly forkShard: (shard: number) => ForkedProcess;
  /** Of one life, so that nobody takes it for the one before. */
  readonly socketsOf: (shard: number, life: number) => ShardSockets;
  readonly startShard: (shard: number, sockets: ShardSockets, topology: Topology) => MessageToChild;
};

/** One that speaks HTTP: a router, or a clone where nothing is partitioned. */
export type FrontendSpec = Pick<ChildSpec, 'name' | 'role' | 'overlaps' | 'fork'> & {
  readonly startMessage: (topology: Topology) => MessageToChild;
};

export type SupervisorOptions = {
  readonly roster: Roster;
  readonly shardIds: readonly number[];
  /** As it is at the moment of asking. */
  readonly ring: () => Ring;
  /** The highest id that any shard ever had. */
  readonly lastShard: () => number;
  readonly policy: RestartPolicy;
  /** Told in this order. */
  readonly listeners: readonly SupervisorListener[];
  readonly clock: Clock;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
};

export type SupervisorListener = ChildListener & {
  /** A shard that was to end has ended. */
  readonly onRemoved?: (shard: number) => void;
};

export class Supervisor implements Members {
  readonly #options: SupervisorOptions;
  readonly #listener: SupervisorListener;
  #frontends: readonly SupervisedChild[];
  /** Frontends that are to serve in place of others, and those that were replaced and still have clients. */
  readonly #passing = new Set<SupervisedChild>();
  readonly #shards = new Map<number, SupervisedChild>();
  /** Of the current life of each shard. */
  readonly #sockets = new Map<number, ShardSockets>();
  /** Shards that are to end. */
  readonly #leaving = new Set<number>();
  readonly #ticks: Timer;
  #sequence = 0;
  #lives = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    // The others first: what has to be recorded of a shard is recorded before anybody may ask it.
    this.#listener = toEach([...options.listeners, { onState: (child) => this.#onState(child) }]);
    for (const id of options.shardIds) this.#shards.set(id, this.#newChild(this.#shardSpec(id)));
    this.#frontends = options.roster.frontends().map((spec) => this.#newFrontend(spec));
    this.#ticks = every(options.clock, heartbeatIntervalMs, () => {
      for (const child of this.#all) child.tick();
    });
  }

  get frontends(): readonly SupervisedChild[] {
    return this.#frontends;
  }

  get children(): readonly SupervisedChild[] {
    return [...this.frontends, ...this.shards];
  }

  /** By ascending id. */
  get shards(): readonly SupervisedChild[] {
    return [...this.#shards].sort(([a], [b]) => a - b).map(([, child]) => child);
  }

  /** Those whose files together are the data: all shards, or whichever clone serves, since clones share one file. */
  get fileHolders(): readonly SupervisedChild[] {
    if (this.#shards.size > 0) return this.shards;
    return [this.frontends.find(({ state }) => state === 'ready') ?? (this.frontends[0] as SupervisedChild)];
  }

  members(): readonly Member[] {
    return this.shards.map(memberOf);
  }

  member(id: number): Member | undefined {
    const child = this.#shards.get(id);
    return child && memberOf(child);
  }

  order(shard: number, order: Omit<MoveOrder, 'sourceSocket'>): void {
    this.#shards.get(shard)?.send({ type: 'move', ...order, sourceSocket: this.#moveSocketOf(order.move.from) });
  }

  /** Idempotent. */
  addShard(id: number): void {
    if (this.#shards.has(id)) return;
    const child = this.#newChild(this.#shardSpec(id));
    this.#shards.set(id, child);
    child.start();
  }

  /** `onRemoved` tells when its process has ended. It must own nothing any more. Idempotent. */
  removeShard(id: number): void {
    if (this.#leaving.has(id)) return;
    this.#leaving.add(id);
    this.#shards.get(id)?.drain();
  }

  /** Tells every process the ring, and how each shard stands. */
  announce(): void {
    this.#sequence++;
    const topology = this.#topology();
    for (const child of this.#all) child.send(topology);
  }

  /**
   * A new process takes the place of this one, with the code and settings that are on disk now; resolves when the old one
   * has ended, or when the new one does not come up, which leaves the old one where that is possible.
   */
  async replace(child: SupervisedChild): Promise<Outcome> {
    if (!child.spec.overlaps) return child.handOver();
    const spec = this.#options.roster.frontends().find(({ name }) => name === child.spec.name);
    if (spec === undefined) return this.#retire(child);
    const successor = this.#newFrontend(spec);
    this.#passing.add(successor);
    const outcome = await this.#begin(successor);
    if (!outcome.isReady) return outcome;
    this.#frontends = this.#frontends.map((one) => (one === child ? successor : one));
    return this.#retire(child);
  }

  /** Starts frontends that the settings name now and did not name before. */
  async addFrontends(): Promise<Outcome> {
    const known = new Set(this.#frontends.map(({ spec }) => spec.name));
    for (const spec of this.#options.roster.frontends()) {
      if (known.has(spec.name)) continue;
      const added = this.#newFrontend(spec);
      this.#passing.add(added);
      const outcome = await this.#begin(added);
      if (!outcome.isReady) return outcome;
      this.#frontends = [...this.#frontends, added];
    }
    return { isReady: true };
  }

  /** One that does not come up is given up at once: there is no need of it. */
  async #begin(child: SupervisedChild): Promise<Outcome> {
    const outcome = child.outcome();
    child.start();
    const found = await outcome;
    if (!found.isReady) child.drain();
    await (found.isReady ? undefined : child.stopped);
    this.#passing.delete(child);
    return found;
  }

  async #retire(child: SupervisedChild): Promise<Outcome> {
    this.#frontends = this.#frontends.filter((one) => one !== child);
    this.#passing.add(child);
    child.retire();
    // It was away, or did not answer: nobody is connected to it.
    if (child.state !== 'retiring') child.drain();
    await child.stopped;
    this.#passing.delete(child);
    return { isReady: true };
  }

  get #all(): readonly SupervisedChild[] {
    return [...this.children, ...this.#passing];
  }

  /** Tells those who serve clients who may come in. */
  announceAccess(access: Omit<AccessMessage, 'type'>): void {
    for (const child of [...this.#frontends, ...this.#passing]) child.send({ type: 'access', ...access });
  }

  /** Somebody has moved the files of the log away. */
  reopenLogs(): void {
    for (const child of this.#all) child.send({ type: 'reopen-log' });
  }

  start(): void {
    for (const child of this.children) child.start();
  }

  /** Resolves when every child has ended; those that do not drain in time are killed. */
  async stop(): Promise<void> {
    await drainAll([...this.#frontends, ...this.#passing]);
    await drainAll(this.shards);
    this.#ticks.cancel();
  }

  #onState(child: SupervisedChild): void {
    const { shard } = child.spec;
    if (shard === null) return;
    if (child.state === 'stopped' && this.#leaving.delete(shard)) {
      this.#shards.delete(shard);
      this.announce();
      this.#listener.onRemoved?.(shard);
    } else this.announce();
  }

  /** Where another shard reaches this one during a move; null while it is away. */
  #moveSocketOf(id: number): string | null {
    return this.#listens(id) ? (this.#sockets.get(id)?.forMoves ?? null) : null;
  }

  /** A silent one may yet answer, and one that hands over answers what it has. */
  #listens(id: number): boolean {
    const state = this.#shards.get(id)?.state;
    return state === 'ready' || state === 'silent' || state === 'handing-over';
  }

  #topology(): Topology {
    const { ring: ringNow, lastShard } = this.#options;
    const ring = ringNow();
    return {
      type: 'topology',
      sequence: this.#sequence,
      slots: ring.slots,
      epoch: ring.epoch,
      ranges: ring.ranges().map(([first, last, shard]) => [first, last, shard]),
      shards: [...this.#shards].map(([id, { state, isGivenUp, hasServed }]) => ({
        id,
        // Nobody waits for one that is only tried again.
        state: isGivenUp ? 'failed' : state,
        socketPath: this.#listens(id) ? (this.#sockets.get(id)?.forRouters ?? null) : null,
        fileFits: hasServed,
      })),
      lastShard: lastShard(),
    };
  }

  #newFrontend({ startMessage, ...spec }: FrontendSpec): SupervisedChild {
    return this.#newChild({ ...spec, shard: null, startMessage: () => startMessage(this.#topology()) });
  }

  #newChild(spec: ChildSpec): SupervisedChild {
    const { policy, clock, random } = this.#options;
    return new SupervisedChild(spec, { policy, clock, random, listener: this.#listener });
  }

  #shardSpec(id: number): ChildSpec {
    const { roster } = this.#options;
    return {
      name: `shard-${id}`,
      role: 'shard',
      // Its file has one owner.
      overlaps: false,
      shard: id,
      fork: () => roster.forkShard(id),
      onLife: () => this.#sockets.set(id, roster.socketsOf(id, ++this.#lives)),
      startMessage: () => roster.startShard(id, this.#sockets.get(id) as ShardSockets, this.#topology()),
    };
  }
}

function memberOf({ spec, state, isGivenUp, health }: SupervisedChild): Member {
  const asMember = isGivenUp ? 'failed' : state === 'ready' ? 'ready' : 'away';
  return { id: spec.shard as number, state: asMember, held: health };
}

function toEach(listeners: readonly SupervisorListener[]): SupervisorListener {
  return {
    onState: (child, before) => {
      for (const listener of listeners) listener.onState?.(child, before);
    },
    onDeath: (child, death) => {
      for (const listener of listeners) listener.onDeath?.(child, death);
    },
    onHealth: (child, health) => {
      for (const listener of listeners) listener.onHealth?.(child, health);
    },
    onStoreReport: (child, report) => {
      for (const listener of listeners) listener.onStoreReport?.(child, report);
    },
    onFailures: (count) => {
      for (const listener of listeners) listener.onFailures?.(count);
    },
    onAuditReport: (report) => {
      for (const listener of listeners) listener.onAuditReport?.(report);
    },
    onMeasures: (child, report) => {
      for (const listener of listeners) listener.onMeasures?.(child, report);
    },
    onSnapshotPinned: (child, pinned) => {
      for (const listener of listeners) listener.onSnapshotPinned?.(child, pinned);
    },
    onProfileReport: (child, report) => {
      for (const listener of listeners) listener.onProfileReport?.(child, report);
    },
    onMoveReport: (report) => {
      for (const listener of listeners) listener.onMoveReport?.(report);
    },
    onRemoved: (shard) => {
      for (const listener of listeners) listener.onRemoved?.(shard);
    },
  };
}

async function drainAll(children: readonly SupervisedChild[]): Promise<void> {
  for (const child of children) child.drain();
  await Promise.all(children.map((child) => child.stopped));
}
