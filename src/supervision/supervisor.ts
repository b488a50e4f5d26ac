/**
 * All children of the primary: forks them, tells them the topology whenever it changes, and stops them in
 * order. Those that speak HTTP (routers, or clones) go first when stopping, so that what clients were promised is
 * answered by living shards.
 */

import { fork } from 'node:child_process';
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { type DataDirectory, type ShardSockets, sharedShard } from '../config/data-directory.ts';
import { redisAddressOf } from '../config/redis-address.ts';
import type { ServiceConfig, Strategy } from '../config/service-config.ts';
import type { Ring } from '../partition/ring.ts';
import type { RestartPolicy } from './child-state.ts';
import { healthIntervalMs } from './health.ts';
import type { StartClone, Topology } from './messages.ts';
import { type ChildListener, type ChildSpec, SupervisedChild } from './supervised-child.ts';

const shardEntry = fileURLToPath(new URL('../shard/main.js', import.meta.url));
const routerEntry = fileURLToPath(new URL('../router/main.js', import.meta.url));
const cloneEntry = fileURLToPath(new URL('../clone/main.js', import.meta.url));

/** A shard may hang for seconds on a slow disk; a quarter of a minute is no disk any more. */
const silentTicksMax = 15;

export type SupervisorOptions = {
  readonly config: ServiceConfig;
  readonly strategy: Strategy;
  readonly directory: DataDirectory;
  readonly service: string;
  /** As it is at the moment of asking. */
  readonly ring: () => Ring;
  /** The highest id that any shard ever had. */
  readonly lastShard: () => number;
  readonly shardIds: readonly number[];
  readonly policy: RestartPolicy;
  readonly listener: ChildListener;
};

export class Supervisor {
  /** Those that speak HTTP: routers, or clones where nothing is partitioned. */
  readonly frontends: readonly SupervisedChild[];
  readonly #options: SupervisorOptions;
  readonly #listener: ChildListener;
  readonly #shards = new Map<number, SupervisedChild>();
  /** Of the current life of each shard. */
  readonly #sockets = new Map<number, ShardSockets>();
  readonly #ticks: NodeJS.Timeout;
  #sequence = 0;
  #forks = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    // What Node's debugger flags and ours would pass on does not belong to children.
    const frontendEntry = options.strategy === 'partitioned' ? routerEntry : cloneEntry;
    cluster.setupPrimary({ exec: frontendEntry, args: [], execArgv: [] });
    this.#listener = {
      ...options.listener,
      onState: (child, before) => {
        if (child.spec.role === 'shard') this.announce();
        options.listener.onState(child, before);
      },
    };
    if (options.strategy === 'partitioned') for (const id of options.shardIds) this.#shards.set(id, this.#newShard(id));
    this.frontends = this.#frontendSpecs().map((spec) => new SupervisedChild(spec, options.policy, this.#listener));
    this.#ticks = setInterval(() => {
      for (const child of this.children) child.tick();
    }, healthIntervalMs);
  }

  get children(): readonly SupervisedChild[] {
    return [...this.frontends, ...this.shards];
  }

  /** By ascending id. */
  get shards(): readonly SupervisedChild[] {
    return [...this.#shards].sort(([a], [b]) => a - b).map(([, child]) => child);
  }

  shard(id: number): SupervisedChild | undefined {
    return this.#shards.get(id);
  }

  /** Where another shard reaches this one during a move; undefined while it is away. */
  moveSocketOf(id: number): string | undefined {
    return this.#shards.get(id)?.state === 'ready' ? this.#sockets.get(id)?.forMoves : undefined;
  }

  /** Idempotent. */
  addShard(id: number): void {
    if (this.#shards.has(id)) return;
    const child = this.#newShard(id);
    this.#shards.set(id, child);
    child.start();
  }

  /** Resolves when its process has ended. It must own nothing any more. */
  async removeShard(id: number): Promise<void> {
    const child = this.#shards.get(id);
    if (child === undefined) return;
    child.drain();
    await child.stopped;
    this.#shards.delete(id);
    this.announce();
  }

  /** Tells every process the ring, and how each shard stands. */
  announce(): void {
    this.#sequence++;
    const topology = this.#topology();
    for (const child of this.children) child.send(topology);
  }

  start(): void {
    for (const child of this.children) child.start();
  }

  /** Resolves when every child has ended; those that do not drain in time are killed. */
  async stop(): Promise<void> {
    await drainAll(this.frontends);
    await drainAll(this.shards);
    clearInterval(this.#ticks);
  }

  #topology(): Topology {
    const { ring: ringNow, lastShard } = this.#options;
    const ring = ringNow();
    return {
      type: 'topology',
      sequence: this.#sequence,
      epoch: ring.epoch,
      ranges: ring.ranges().map(([first, last, shard]) => [first, last, shard]),
      shards: [...this.#shards].map(([id, { state }]) => ({
        id,
        state,
        socketPath: state === 'ready' ? (this.#sockets.get(id)?.forRouters ?? null) : null,
      })),
      lastShard: lastShard(),
    };
  }

  #newShard(id: number): SupervisedChild {
    return new SupervisedChild(this.#shardSpec(id), this.#options.policy, this.#listener);
  }

  #shardSpec(id: number): ChildSpec {
    const { directory, service, config } = this.#options;
    return {
      name: `shard-${id}`,
      role: 'shard',
      shard: id,
      silentTicksMax,
      fork: () => fork(shardEntry, [], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
      startMessage: () => {
        const sockets = directory.shardSockets(id, ++this.#forks);
        this.#sockets.set(id, sockets);
        return {
          type: 'start-shard',
          shard: id,
          service,
          file: directory.shardFile(id),
          socketPath: sockets.forRouters,
          moveSocketPath: sockets.forMoves,
          valueBytesMax: config.valueBytesMax,
          topology: this.#topology(),
        };
      },
    };
  }

  #frontendSpecs(): ChildSpec[] {
    const { strategy, config } = this.#options;
    const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
    switch (strategy) {
      case 'partitioned':
        return upTo(config.routers).map((index) => this.#routerSpec(index));
      case 'cloned':
        return upTo(config.clones).map((index) => this.#cloneSpec(index));
      case 'single':
        return [this.#cloneSpec(1)];
    }
  }

  #routerSpec(index: number): ChildSpec {
    const { config } = this.#options;
    return {
      name: `router-${index}`,
      role: 'router',
      shard: null,
      silentTicksMax,
      fork: () => cluster.fork().process,
      startMessage: () => ({
        type: 'start-router',
        host: config.host,
        port: config.port,
        valueBytesMax: config.valueBytesMax,
        allowedHosts: [...config.allowedHosts],
        topology: this.#topology(),
      }),
    };
  }

  #cloneSpec(index: number): ChildSpec {
    const { config } = this.#options;
    return {
      name: `clone-${index}`,
      role: 'clone',
      shard: null,
      silentTicksMax,
      fork: () => cluster.fork().process,
      startMessage: () => ({
        type: 'start-clone',
        clone: index,
        host: config.host,
        port: config.port,
        valueBytesMax: config.valueBytesMax,
        allowedHosts: [...config.allowedHosts],
        store: this.#storeOfClones(),
      }),
    };
  }

  #storeOfClones(): StartClone['store'] {
    const { config, directory, service, strategy } = this.#options;
    if (redisAddressOf(config.store) !== undefined) return { kind: 'redis', url: config.store };
    const access = strategy === 'single' ? 'exclusive' : 'shared';
    return { kind: 'sqlite', service, shard: sharedShard, file: directory.sharedFile, access };
  }
}

async function drainAll(children: readonly SupervisedChild[]): Promise<void> {
  for (const child of children) child.drain();
  await Promise.all(children.map((child) => child.stopped));
}
