/** How the processes of a service are forked: shards as Node's children, those who speak HTTP as workers of its cluster. */

import { type ChildProcess, fork } from 'node:child_process';
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import type { ServiceConfig, Strategy } from '../config/service-config.ts';
import { forkFrontend } from '../supervision/dealt-connections.ts';
import type { ForkedProcess } from '../supervision/supervised-child.ts';

const shardEntry = fileURLToPath(new URL('../shard/main.js', import.meta.url));
const routerEntry = fileURLToPath(new URL('../router/main.js', import.meta.url));
const cloneEntry = fileURLToPath(new URL('../clone/main.js', import.meta.url));

/** The product has one implementation; the simulator has another. */
export type Forks = {
  readonly forkShard: (shard: number) => ForkedProcess;
  /** @param name e.g. `router-1` */
  readonly forkFrontend: (name: string) => ForkedProcess;
};

export type ForksOptions = {
  /** As it is at the moment of asking: a reload may change it. */
  readonly config: () => Pick<ServiceConfig, 'memoryMax'>;
  readonly strategy: Strategy;
  /** Of the listening socket that frontends share; undefined where node:cluster opens one. */
  readonly inheritedFd: number | undefined;
};

/** Once in a process: what node:cluster forks is one setting for all. */
export function forksOf({ config, strategy, inheritedFd }: ForksOptions): Forks {
  const frontendEntry = strategy === 'partitioned' ? routerEntry : cloneEntry;
  // What Node's debugger flags and ours would pass on does not belong to children.
  cluster.setupPrimary({ exec: frontendEntry, args: [], execArgv: [] });
  return {
    forkShard: () => forkShard(heapLimitOf(config())),
    forkFrontend: () => forkFrontendWithin(heapLimitOf(config()), { frontendEntry, inheritedFd }),
  };
}

/** @param execArgv what Node is told */
export function forkShard(execArgv: string[]): ChildProcess {
  return fork(shardEntry, [], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
}

/** Behind the standard streams and the channel to the primary. */
export const fdOfChild = 4;

type Frontends = Pick<ForksOptions, 'inheritedFd'> & { readonly frontendEntry: string };

/**
 * A socket that was handed over is shared by the kernel: node:cluster would close it with its last worker, and nobody
 * could open it again.
 */
function forkFrontendWithin(execArgv: string[], { frontendEntry, inheritedFd }: Frontends): ChildProcess {
  if (inheritedFd !== undefined) {
    return fork(frontendEntry, [], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc', inheritedFd] });
  }
  cluster.setupPrimary({ execArgv });
  return forkFrontend();
}

/** V8 collects harder as it nears its limit. A quarter is left to what lies outside its heap: bodies, and SQLite's pages. */
const heapShare = 0.75;

/** What Node is told. */
export function heapLimitOf({ memoryMax }: Pick<ServiceConfig, 'memoryMax'>): string[] {
  if (memoryMax === undefined) return [];
  return [`--max-old-space-size=${Math.floor((memoryMax * heapShare) / 2 ** 20)}`];
}
