/** Who is compared: a strategy with its numbers of processes. Pure: how each is started lies beside this. */

import type { ServiceConfig } from '../../src/config/service-config.ts';

export const strategies = {
  partitioned: { title: 'partitioned' },
  'partitioned-direct': { title: 'partitioned, direct reads' },
  single: { title: 'single process' },
  'cloned-group': { title: 'cloned, SQLite, group commit' },
  'cloned-commit': { title: 'cloned, SQLite, a commit per request' },
  'cloned-redis': { title: 'cloned, Redis, AOF always' },
  'cloned-memory': { title: 'cloned, state in memory' },
  'http-hop': { title: 'partitioned naively, an HTTP hop' },
  'ipc-hop': { title: 'partitioned naively, JSON over IPC' },
  bare: { title: 'bare node:http, a constant' },
} as const satisfies Record<string, { title: string }>;

export type Strategy = keyof typeof strategies;

export type Contestant = {
  readonly strategy: Strategy;
  /** Processes that speak HTTP to clients: routers, clones, or one. */
  readonly fronts: number;
  /** Processes behind them that hold the data: shards, or one Redis; 0 where the fronts do it. */
  readonly backs: number;
};

export function partitioned(routers: number, shards: number): Contestant {
  return { strategy: 'partitioned', fronts: routers, backs: shards };
}

/** Routers read single keys by themselves. */
export function directReads(routers: number, shards: number): Contestant {
  return { strategy: 'partitioned-direct', fronts: routers, backs: shards };
}

/** Both forms of the product's partitioned strategy, by the name of its setting `reads`. */
export const partitionedForms = {
  forwarded: 'partitioned',
  direct: 'partitioned-direct',
} as const satisfies Record<ServiceConfig['reads'], Strategy>;

export function isPartitioned({ strategy }: Pick<Contestant, 'strategy'>): boolean {
  return Object.values<Strategy>(partitionedForms).includes(strategy);
}

export function clones(strategy: 'cloned-group' | 'cloned-commit' | 'cloned-memory', count: number): Contestant {
  return { strategy, fronts: count, backs: 0 };
}

export function redisClones(count: number): Contestant {
  return { strategy: 'cloned-redis', fronts: count, backs: 1 };
}

export function hop(strategy: 'http-hop' | 'ipc-hop', shards: number): Contestant {
  return { strategy, fronts: 1, backs: shards };
}

export const single: Contestant = { strategy: 'single', fronts: 1, backs: 0 };
export const bare: Contestant = { strategy: 'bare', fronts: 1, backs: 0 };

/** `partitioned-1x2`, `partitioned-direct-2x2`, `cloned-redis-2x1`, `cloned-group-2`, `single` */
export function nameOf({ strategy, fronts, backs }: Contestant): string {
  if (strategy === 'single' || strategy === 'bare') return strategy;
  return backs === 0 ? `${strategy}-${fronts}` : `${strategy}-${fronts}x${backs}`;
}

export function titleOf({ strategy, fronts, backs }: Contestant): string {
  const { title } = strategies[strategy];
  if (strategy === 'single' || strategy === 'bare') return title;
  if (strategy.startsWith('cloned')) return `${fronts} × ${title}`;
  return `${title}, ${fronts}+${backs}`;
}

/** All that store anything but clones with their state in memory. Those that are meant to be must be, or nothing is fair. */
export function isMeantDurable({ strategy }: Contestant): boolean {
  return strategy !== 'cloned-memory' && strategy !== 'bare';
}
