/**
 * Before anything is forked: takes a data directory and its lock, brings what lies there to this version, and finds out
 * whether `meta.sqlite` and the shards' files are of one time. A file that does not fit is its shard's own trouble, and
 * told by it; where `meta.sqlite` does not fit, nobody knows who owns what, and nothing is served.
 */

import { existsSync } from 'node:fs';
import { DataDirectory, sharedShard, UnusableDirectory } from '../config/data-directory.ts';
import type { ServiceConfig, Strategy } from '../config/service-config.ts';
import { systemClock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { UnusableFile, WrongFile } from '../sqlite/database.ts';
import { ReserveFile, withReserve } from '../sqlite/disk-reserve.ts';
import { inspectFile } from '../sqlite/file-inspection.ts';
import { type OpenDatabase, openExclusively } from '../sqlite/open-database.ts';
import { NoRoomForCopy, type Upgrade, upgradeCopyOf } from '../sqlite/schema.ts';
import { ShardFile } from '../sqlite/shard-file.ts';
import { clockAfter, type ToldTime } from '../sqlite/told-time.ts';
import { missingTopology, olderTopology, refusedStore } from './refusal.ts';
import { checkShards, firstTopologyOf, strategyToServe } from './strategy.ts';
import { TopologyFile } from './topology-file.ts';

export type TakenDirectory = {
  readonly directory: DataDirectory;
  readonly topologyFile: TopologyFile;
  readonly strategy: Strategy;
  /** By which values expire, as the shards' files tell it. */
  readonly time: ReturnType<typeof clockAfter>;
};

/** @throws UnusableDirectory, UnusableFile, FileLocked, with the directory let go */
export function takeDirectory(config: ServiceConfig, log: Log): TakenDirectory {
  const directory = new DataDirectory(config.data);
  const open = upgrading(config, log);
  const orphans = directory.shardsWithFiles();
  if (orphans.length > 0 && !existsSync(directory.metaFile)) {
    throw new UnusableDirectory(missingTopology(directory.path, orphans));
  }
  const reserve = ReserveFile.beside(directory.metaFile);
  const openTopology = () => new TopologyFile(directory.metaFile, firstTopologyOf(config), { open, reserve });
  const topologyFile = withReserve(reserve, openTopology);
  try {
    const strategy = strategyToServe(topologyFile, config);
    checkShards(strategy, topologyFile.weights().size, config);
    let time = clockAfter([], systemClock);
    if (topologyFile.store === 'sqlite') {
      time = checkFiles(directory, topologyFile, log, open);
      if (strategy !== 'partitioned') withReserve(reserve, () => makeSharedFile(directory, topologyFile, open));
    }
    topologyFile.adoptStrategy(strategy);
    return { directory, topologyFile, strategy, time };
  } catch (error) {
    topologyFile.close();
    throw error;
  }
}

/**
 * @returns the time by which values expire, as the shards' files tell it
 * @throws UnusableDirectory when meta.sqlite is older than a file; NoRoomForCopy
 */
export function checkFiles(
  directory: DataDirectory,
  topologyFile: TopologyFile,
  log: Log,
  open: OpenDatabase = openExclusively,
): TakenDirectory['time'] {
  const told: ToldTime[] = [];
  const known = topologyFile.weights();
  const { epoch } = topologyFile.ring;
  for (const shard of directory.shardsWithFiles()) {
    const path = directory.shardFile(shard);
    const found = foundAt(path, open);
    if (found?.service === topologyFile.service && found.epoch > epoch) {
      throw new UnusableDirectory(olderTopology(directory.path, { ...found, path }, epoch));
    }
    if (known.has(shard)) {
      if (found?.service === topologyFile.service) told.push(found.told);
      continue;
    }
    // It may be all that is left of something. No new shard gets its id, and so its place.
    topologyFile.neverUseUpTo(shard);
    log.warn({ path }, `${path} belongs to no shard of this service: it is left unchanged`);
  }
  return clockAfter(told, systemClock);
}

/** Undefined for what is not a shard's file at all: whoever needs it says what is wrong with it. */
function foundAt(path: string, open: OpenDatabase): ReturnType<typeof inspectFile> {
  try {
    return withReserve(ReserveFile.beside(path), () => inspectFile(path, open));
  } catch (error) {
    if (!(error instanceof UnusableFile) || error instanceof NoRoomForCopy) throw error;
    return undefined;
  }
}

/** Before any clone: only one process can make a new file a database. */
function makeSharedFile({ sharedFile }: DataDirectory, { service, files }: TopologyFile, open: OpenDatabase): void {
  const record = { acknowledgedLsn: files.acknowledgedLsn(sharedShard) };
  try {
    const file = new ShardFile(sharedFile, { service, shard: sharedShard }, { open, record });
    files.acknowledge(sharedShard, file.counters.lsn);
    file.close();
  } catch (error) {
    throw error instanceof WrongFile ? new UnusableDirectory(refusedStore(error.message), { cause: error }) : error;
  }
}

function upgrading({ upgradeCopies }: ServiceConfig, log: Log): OpenDatabase {
  const text = ({ path, from, to }: Upgrade) =>
    `${path} is upgraded from version ${from} to version ${to}${upgradeCopies === 'keep' ? `; the old file is kept as ${upgradeCopyOf(path, from)}` : ''}`;
  return (path, schema, options) =>
    openExclusively(path, schema, {
      ...options,
      upgradeCopies,
      onUpgrade: (upgrade) => log.info(upgrade, text(upgrade)),
    });
}
