/**
 * All children of the primary: forks them, tells them the topology whenever it changes, and stops them in
 * order. Routers go first when stopping, so that what clients were promised is answered by living shards.
 */

import { fork } from 'node:child_process';
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import type { ServiceConfig } from '../config/service-config.ts';
import type { Ring } from '../partition/ring.ts';
import type { RestartPolicy } from '../process/child-state.ts';
import { healthIntervalMs } from '../process/health.ts';
import type { Topology } from '../process/messages.ts';
import type { DataDirectory } from './data-directory.ts';
import { type ChildListener, type ChildSpec, SupervisedChild } from './supervised-child.ts';

const shardEntry = fileURLToPath(new URL('../shard/main.js', import.meta.url));
const routerEntry = fileURLToPath(new URL('../router/main.js', import.meta.url));

/** A shard may hang for seconds on a slow disk; a quarter of a minute is no disk any more. */
const silentTicksMax = 15;

export type SupervisorOptions = {
  readonly config: ServiceConfig;
  readonly directory: DataDirectory;
  readonly service: string;
  readonly ring: Ring;
  readonly shardIds: readonly number[];
  readonly policy: RestartPolicy;
  readonly listener: ChildListener;
};

export class Supervisor {
  readonly shards: readonly SupervisedChild[];
  readonly routers: readonly SupervisedChild[];
  readonly #options: SupervisorOptions;
  readonly #shardSockets = new Map<number, string>();
  readonly #ticks: NodeJS.Timeout;
  #sequence = 0;
  #forks = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    // What Node's debugger flags and ours would pass on does not belong to children.
    cluster.setupPrimary({ exec: routerEntry, args: [], execArgv: [] });
    const listener: ChildListener = {
      ...options.listener,
      onState: (child, before) => {
        if (child.spec.role === 'shard') this.#tellTopology();
        options.listener.onState(child, before);
      },
    };
    this.shards = options.shardIds.map((id) => new SupervisedChild(this.#shardSpec(id), options.policy, listener));
    this.routers = Array.from(
      { length: options.config.routers },
      (_, index) => new SupervisedChild(this.#routerSpec(index + 1), options.policy, listener),
    );
    this.#ticks = setInterval(() => {
      for (const child of this.children) child.tick();
    }, healthIntervalMs);
  }

  get children(): readonly SupervisedChild[] {
    return [...this.routers, ...this.shards];
  }

  start(): void {
    for (const child of this.children) child.start();
  }

  /** Resolves when every child has ended; those that do not drain in time are killed. */
  async stop(): Promise<void> {
    await drainAll(this.routers);
    await drainAll(this.shards);
    clearInterval(this.#ticks);
  }

  #topology(): Topology {
    const { ring, shardIds } = this.#options;
    return {
      type: 'topology',
      sequence: this.#sequence,
      epoch: ring.epoch,
      ranges: ring.ranges().map(([first, last, shard]) => [first, last, shard]),
      shards: shardIds.map((id, index) => {
        const state = this.shards?.[index]?.state ?? 'starting';
        return { id, state, socketPath: state === 'ready' ? (this.#shardSockets.get(id) ?? null) : null };
      }),
    };
  }

  #tellTopology(): void {
    this.#sequence++;
    const topology = this.#topology();
    for (const child of this.children) child.send(topology);
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
        const socketPath = directory.shardSocket(id, ++this.#forks);
        this.#shardSockets.set(id, socketPath);
        return {
          type: 'start-shard',
          shard: id,
          service,
          file: directory.shardFile(id),
          socketPath,
          valueBytesMax: config.valueBytesMax,
          topology: this.#topology(),
        };
      },
    };
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
}

async function drainAll(children: readonly SupervisedChild[]): Promise<void> {
  for (const child of children) child.drain();
  await Promise.all(children.map((child) => child.stopped));
}
