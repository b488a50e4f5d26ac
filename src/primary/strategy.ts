/** What a data directory may be served as, given what it was served as before, and what follows from that. Pure. */

import { defaultShards, type ServiceConfig, type Strategy } from '../config/service-config.ts';
import { ChangeRefused } from './change-refused.ts';
import { UnusableDirectory } from './data-directory.ts';

type FirstTopology = { readonly strategy: Strategy; readonly shards: number };

/** Of a new data directory. What clones or a single process write lies in the file of a first shard. */
export function firstTopologyOf({ strategy = 'partitioned', shards }: ServiceConfig): FirstTopology {
  return { strategy, shards: strategy === 'partitioned' ? (shards ?? defaultShards()) : 1 };
}

/**
 * Clones and a single process keep everything in one file, which is the first shard's: either may follow the other,
 * and shards may follow both. From shards there is no way back, since the keys then lie in several files.
 * @throws UnusableDirectory
 */
export function strategyToServe(recorded: Strategy, { strategy: wanted, data }: ServiceConfig): Strategy {
  const strategy = wanted ?? recorded;
  if (recorded === 'partitioned' && strategy !== 'partitioned') {
    throw new UnusableDirectory(
      `${data} is partitioned: its keys lie in several files, and ${strategy === 'single' ? 'a single process' : 'clones'} would serve one of them. Start without --strategy, or on another --data directory.`,
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
      `${data} has ${found} ${found === 1 ? 'shard' : 'shards'}, not ${wanted}: start without --shards, or on another --data directory.`,
    );
  }
}

/** @throws ChangeRefused */
export function refuseUnlessPartitioned(strategy: Strategy): void {
  if (strategy === 'partitioned') return;
  throw new ChangeRefused(
    `The ${strategy} strategy has no shards to add, remove or move. Stop the service and start it with --strategy partitioned: what it holds is then the first shard, and more can be added.`,
  );
}
