/** What a data directory may be served as, given what it was served as before, and what follows from that. Pure. */

import { UnusableDirectory } from '../config/data-directory.ts';
import { defaultShards, type ServiceConfig, type Strategy } from '../config/service-config.ts';
import { ChangeRefused } from '../rebalance/change-refused.ts';

export type StoreKind = 'sqlite' | 'redis';

/** What a data directory remembers of how it was served. */
export type Origin = { readonly strategy: Strategy; readonly store: StoreKind };

function storeKindOf({ store }: Pick<ServiceConfig, 'store'>): StoreKind {
  return store === 'sqlite' ? 'sqlite' : 'redis';
}

/** Of a new data directory. What clones or a single process write lies in the file of a first shard. */
export function firstTopologyOf(config: ServiceConfig): Origin & { readonly shards: number } {
  const { strategy = 'partitioned', shards } = config;
  const shardsAtFirst = strategy === 'partitioned' ? (shards ?? defaultShards()) : 1;
  return { strategy, store: storeKindOf(config), shards: shardsAtFirst };
}

/**
 * Clones and a single process keep everything in one file, which is the first shard's: either may follow the other,
 * and shards may follow both. From shards there is no way back, since the keys then lie in several files. What lies in
 * Redis stays there.
 * @throws UnusableDirectory
 */
export function strategyToServe(before: Origin, config: ServiceConfig): Strategy {
  const { strategy = before.strategy, data } = config;
  if (storeKindOf(config) === 'redis' && strategy !== 'cloned') {
    throw new UnusableDirectory(`Only clones can share Redis: start with --strategy cloned, or without --store.`);
  }
  if (before.store === 'redis' && storeKindOf(config) === 'sqlite') {
    throw new UnusableDirectory(
      `The service of ${data} keeps its data in Redis. Name it with --store redis://…, or choose another --data.`,
    );
  }
  if (before.strategy === 'partitioned' && strategy !== 'partitioned') {
    throw new UnusableDirectory(
      `${data} is partitioned: its keys are in several files, and ${strategy === 'single' ? 'a single process' : 'clones'} would serve only one of them. Start without --strategy, or choose another --data.`,
    );
  }
  if (before.store === 'sqlite' && storeKindOf(config) === 'redis') {
    throw new UnusableDirectory(
      `${data} already has data, which Redis would not have. Start without --store, or choose another --data.`,
    );
  }
  return strategy;
}

/** @throws UnusableDirectory when another number of shards is asked for than there is */
export function checkShards(strategy: Strategy, found: number, { shards: wanted, data }: ServiceConfig): void {
  if (wanted === undefined) return;
  if (strategy !== 'partitioned') {
    throw new UnusableDirectory(`The ${strategy} strategy has no shards: start without --shards.`);
  }
  if (wanted !== found) {
    throw new UnusableDirectory(
      `${data} has ${found} ${found === 1 ? 'shard' : 'shards'}, not ${wanted}: start without --shards, or choose another --data.`,
    );
  }
}

/** @throws ChangeRefused */
export function refuseUnlessPartitioned({ strategy, store }: Origin): void {
  if (strategy === 'partitioned') return;
  const wayOut =
    store === 'redis'
      ? 'A Redis Cluster distributes the data by itself. You can start more clones on any machine.'
      : 'Stop the service and start it with --strategy partitioned: its file becomes the first shard, and you can add more.';
  throw new ChangeRefused(`The ${strategy} strategy has no shards to add, remove or move. ${wayOut}`);
}

/** @throws ChangeRefused */
export function checkWalkable(store: StoreKind): void {
  if (store === 'sqlite') return;
  throw new ChangeRefused('There is no file to check: this service keeps its data in Redis.');
}
