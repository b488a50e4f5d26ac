/**
 * A stopped data directory in which something does not fit: says what it finds, makes `meta.sqlite` anew from the shards'
 * files, and lets a shard go on without what is lost. It removes nothing: what it replaces is set aside under another
 * name.
 */

import { existsSync, renameSync } from 'node:fs';
import { DataFiles } from '../config/data-directory.ts';
import { acceptLoss } from '../sqlite/accepted-loss.ts';
import { FileLocked, UnusableFile } from '../sqlite/database.ts';
import { inspectFile } from '../sqlite/file-inspection.ts';
import { type OpenDatabase, openExclusively } from '../sqlite/open-database.ts';
import {
  type Findings,
  type FoundFile,
  type FoundTopology,
  findingsOf,
  type ShardFinding,
} from './recovery-findings.ts';
import { TopologyFile } from './topology-file.ts';

/** It cannot be done; the message says why. */
export class CannotRecover extends Error {
  override readonly name = 'CannotRecover';
}

/** So much above what is known: a shard gives no more versions than that between two signs of life, or after a backup. */
const lsnsSkipped = 2 ** 40;

/** A service that runs has its files locked. @throws CannotRecover */
const open: OpenDatabase = (path, schema, options) => {
  try {
    return openExclusively(path, schema, { ...options, lockWaitMs: 0 });
  } catch (error) {
    if (!(error instanceof FileLocked)) throw error;
    throw new CannotRecover(`${error.message} Stop the service first.`, { cause: error });
  }
};

export class Recovery {
  readonly #directory: DataFiles;

  constructor(data: string) {
    this.#directory = new DataFiles(data);
  }

  /** @throws CannotRecover */
  findings(): Findings {
    const topology = this.#topology();
    const found = findingsOf(this.#files(), topology, (shard) => this.#directory.shardFile(shard));
    if (found !== undefined) return found;
    throw new CannotRecover(
      `${this.#directory.path} has no readable meta.sqlite, and no shard's file that has a ring. Name another data directory, or restore a backup.`,
    );
  }

  /** Makes meta.sqlite anew. The one that was there is set aside. */
  rebuild(): void {
    const { service, ring, shards } = this.findings();
    const before = this.#topology();
    const files = this.#files();
    const acknowledgedLsn = ({ shard, lsn, problem }: ShardFinding) =>
      // One that does not fit is refused until its loss is accepted.
      Math.max(problem === null ? lsn : lsn + 1, before?.acknowledgedLsn(shard) ?? 0);
    const moves = files
      .flatMap((file) => ('inspection' in file ? file.inspection.transfers : []))
      .map(({ move }) => move);
    const path = this.#directory.metaFile;
    const isPartitioned = files.some((file) => 'inspection' in file && file.inspection.epoch > 0);
    const rebuilt = `${path}.rebuilt`;
    new TopologyFile(
      rebuilt,
      {
        shards: 1,
        strategy: before?.strategy ?? (isPartitioned ? 'partitioned' : 'single'),
        store: 'sqlite',
        rebuilt: {
          service,
          ring: ring.describe(),
          shards: shards.map((finding) => ({
            id: finding.shard,
            weight: before?.weights.get(finding.shard) ?? 1,
            acknowledgedLsn: acknowledgedLsn(finding),
          })),
          lastShard: Math.max(...files.map(({ shard }) => shard), ...ring.shards(), before?.lastShard ?? 0),
          lastMove: Math.max(0, ...moves),
        },
      },
      { open },
    ).close();
    this.#setAside(path);
    renameSync(rebuilt, path);
  }

  /** @returns what is left */
  acceptLoss(shard: number): { readonly keys: number } {
    const { service, ring, meta, shards, lsn } = this.findings();
    if (meta !== 'fits') throw new CannotRecover('First run `shardctl recover --rebuild`: meta.sqlite does not fit.');
    const finding = shards.find((one) => one.shard === shard);
    if (finding === undefined) throw new CannotRecover(`There is no shard ${shard} that owns slots.`);
    if (finding.problem === null)
      throw new CannotRecover(`The file of shard ${shard} fits: there is no loss to accept.`);
    const path = this.#directory.shardFile(shard);
    // What cannot be read as its own is kept for whoever can make something of it.
    if (finding.keys === null) this.#setAside(path);
    const left = acceptLoss(path, { service, shard }, { ring, lsnAbove: lsn + lsnsSkipped, atMs: Date.now() }, open);
    const topologyFile = new TopologyFile(this.#directory.metaFile, unused, { open });
    topologyFile.files.acknowledge(shard, left.lsn);
    topologyFile.close();
    return left;
  }

  #topology(): (FoundTopology & Pick<TopologyFile, 'strategy'> & { readonly lastShard: number }) | undefined {
    if (!existsSync(this.#directory.metaFile)) return undefined;
    let topologyFile: TopologyFile;
    try {
      topologyFile = new TopologyFile(this.#directory.metaFile, unused, { open });
    } catch (error) {
      if (error instanceof UnusableFile) return undefined;
      throw error;
    }
    try {
      const { store, service, ring, strategy, files } = topologyFile;
      if (store === 'redis')
        throw new CannotRecover('This service keeps its data in Redis: there is nothing to recover here.');
      const lastShard = topologyFile.nextShardId() - 1;
      const acknowledgedLsn = (shard: number) => files.acknowledgedLsn(shard);
      return { service, ring, strategy, lastShard, weights: topologyFile.weights(), acknowledgedLsn };
    } finally {
      topologyFile.close();
    }
  }

  #files(): FoundFile[] {
    return this.#shardsWithFiles().map((shard) => {
      const path = this.#directory.shardFile(shard);
      try {
        const inspection = inspectFile(path, open);
        return inspection === undefined ? { shard, path, problem: `${path} is empty.` } : { shard, path, inspection };
      } catch (error) {
        if (!(error instanceof UnusableFile)) throw error;
        return { shard, path, problem: error.message };
      }
    });
  }

  /** @throws CannotRecover */
  #shardsWithFiles(): number[] {
    try {
      return this.#directory.shardsWithFiles();
    } catch (error) {
      throw new CannotRecover(
        `The data directory ${this.#directory.path} cannot be read: ${(error as Error).message}. Check --data.`,
        { cause: error },
      );
    }
  }

  /** With what SQLite keeps beside it, which belongs to no other file. */
  #setAside(path: string): void {
    const number = [...Array(1_000).keys()].find((index) => !existsSync(`${path}.aside-${index}`));
    for (const suffix of ['', '-wal', '-shm']) {
      if (existsSync(path + suffix)) renameSync(path + suffix, `${path}.aside-${number}${suffix}`);
    }
  }
}

/** What a new service would get: here there is one. */
const unused = { shards: 1, strategy: 'partitioned', store: 'sqlite' } as const;
