/**
 * Takes a backup of a running service: has all files pinned as of one moment (primary/snapshots.ts), copies them beside
 * clients, and makes of each copy one plain SQLite file that was walked row by row. The manifest comes last.
 */

import { existsSync, statSync } from 'node:fs';
import { readdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AdminAnswer, askService } from '../admin/admin-client.ts';
import type { ServiceAudit, ServiceStatus, SnapshotView } from '../admin/contract.ts';
import { DataFiles, makeDirectory } from '../config/data-directory.ts';
import { auditFiles } from '../primary/audit.ts';
import { copyFile, sha256Of, syncAll, unfinishedOf, writeWhole } from './durable-files.ts';
import { BackupRefused, type Manifest, manifestFormat, manifestName, refusalOf } from './manifest.ts';
import { EarlierBackup, type EarlierCopy, sourceStateOf } from './unchanged-files.ts';

/** A process that died is back after less than a second. */
const attemptsMax = 5;
const attemptDelayMs = 1_000;
/** It becomes the manifest at the end. */
const claimName = unfinishedOf(manifestName);
/** The primary ends a snapshot of which it has not heard for ten times as long. */
const renewIntervalMs = 1_000;

export type TakeOptions = {
  /** Of the running service. */
  readonly data: string;
  /** Empty, or not there. */
  readonly directory: string;
  readonly version: string;
  readonly bytesPerS: number;
  /** An earlier backup, whose copies are taken again of files that have not changed. */
  readonly since: string | undefined;
  readonly onProgress: (done: number, total: number) => void;
};

export type Taken = {
  readonly manifest: Manifest;
  /** Shards whose files had not changed since the earlier backup. */
  readonly unchanged: readonly number[];
};

/** What was copied so far is not of one moment; another attempt may be. */
class SnapshotLost extends BackupRefused {}

/**
 * All or nothing: what fails leaves the directory as it was found.
 * @throws BackupRefused; ServiceUnreachable
 */
export async function takeBackup(options: TakeOptions): Promise<Taken> {
  const directory = resolve(options.directory);
  const wasThere = existsSync(directory);
  await claimEmpty(directory);
  try {
    return await takeAgain({ ...options, directory });
  } catch (error) {
    await empty(directory);
    await rm(join(directory, claimName), { force: true });
    if (!wasThere) await rmdir(directory);
    throw refusalOf(directory, error);
  }
}

/** A shard that dies, or is just away, ends an attempt, not the backup. */
async function takeAgain(options: TakeOptions): Promise<Taken> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await take(options);
    } catch (error) {
      if (!(error instanceof SnapshotLost)) throw error;
      if (attempt === attemptsMax) {
        throw new BackupRefused(
          `All ${attemptsMax} attempts were in vain, the last one because: ${error.message} Look at \`shardctl status\`, and try again when every process is ready.`,
          { cause: error },
        );
      }
      await empty(options.directory);
      await sleep(attemptDelayMs);
    }
  }
}

async function take({ data, directory, version, bytesPerS, since, onProgress }: TakeOptions): Promise<Taken> {
  const { service, strategy } = (await ask(data, 'GET', '/v1/status')) as ServiceStatus;
  const earlier = since === undefined ? undefined : new EarlierBackup(resolve(since), service);
  const takenAt = new Date().toISOString();
  const snapshot = (await ask(data, 'POST', '/v1/snapshots', { directory })) as SnapshotView;
  const copied = await copySnapshot(snapshot, { data, directory, bytesPerS, earlier, onProgress }).catch(
    async (error) => {
      // It ends by itself where nobody can be told.
      await ask(data, 'POST', `/v1/snapshots/${snapshot.id}/end`).catch(() => {});
      throw error;
    },
  );
  // It counts only if no file was let go of before this.
  await ask(data, 'POST', `/v1/snapshots/${snapshot.id}/end`);
  const { tokensFile } = new DataFiles(data);
  if (existsSync(tokensFile)) {
    const to = join(directory, basename(tokensFile));
    await copyFile(tokensFile, to, { bytesPerS: Number.POSITIVE_INFINITY, onChunk: () => {} });
  }
  // Folds each WAL into its file. A copy that belongs to the earlier backup, too, must not be written to.
  const linked = new Map(copied.flatMap(({ shard, link }) => (link === undefined ? [] : [[shard, link] as const])));
  const audit = auditFiles(directory, new Set(linked.keys()));
  checkWhole(
    audit,
    snapshot.files.filter(({ shard }) => !linked.has(shard)),
  );
  await syncAll(directory);
  const files: Manifest['files'][number][] = [];
  for (const name of (await readdir(directory)).filter((name) => name !== claimName).sort()) {
    const path = join(directory, name);
    const link = copied.find((one) => one.name === name)?.link;
    files.push({ name, bytes: (await stat(path)).size, sha256: link?.sha256 ?? (await sha256Of(path)) });
  }
  const walked = audit.shards.map(({ shard, lsn, keys, bytes, digest }) => {
    const source = copied.find((one) => one.shard === shard)?.source;
    return { shard, lsn, keys, bytes, digest, source };
  });
  const manifest: Manifest = {
    format: manifestFormat,
    version,
    service,
    strategy,
    takenAt,
    epoch: audit.epoch,
    files,
    shards: [...walked, ...[...linked.values()].map(({ shard }) => shard)].sort((a, b) => a.shard - b.shard),
  };
  await writeWhole(join(directory, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
  return { manifest, unchanged: [...linked.keys()] };
}

type Copied = {
  readonly shard: number;
  readonly name: string;
  /** How the live file stood. */
  readonly source: string;
  /** Of a file that was not copied. */
  readonly link: EarlierCopy | undefined;
};

type CopyOfSnapshot = Pick<TakeOptions, 'data' | 'directory' | 'bytesPerS' | 'onProgress'> & {
  readonly earlier: EarlierBackup | undefined;
};

async function copySnapshot(
  { id, files }: SnapshotView,
  { data, directory, bytesPerS, earlier, onProgress }: CopyOfSnapshot,
): Promise<Copied[]> {
  const total = files.reduce((sum, { path, walBytes }) => sum + statSync(path).size + walBytes, 0);
  let done = 0;
  let renewedAtMs = performance.now();
  const onBytes = async (bytes: number) => {
    done += bytes;
    onProgress(done, total);
    if (performance.now() - renewedAtMs < renewIntervalMs) return;
    renewedAtMs = performance.now();
    await ask(data, 'GET', `/v1/snapshots/${id}`);
  };
  const onChunk = ({ length }: Buffer) => onBytes(length);
  const copied: Copied[] = [];
  for (const file of files) {
    const { shard, path, walBytes } = file;
    const name = basename(path);
    const to = join(directory, name);
    try {
      const source = sourceStateOf(file);
      const link = await earlier?.linkUnchanged({ file, source, to }, onBytes);
      if (link === undefined) {
        await copyFile(path, to, { bytesPerS, onChunk });
        if (walBytes > 0) await copyFile(`${path}-wal`, `${to}-wal`, { bytesMax: walBytes, bytesPerS, onChunk });
      }
      copied.push({ shard, name, source, link });
    } catch (error) {
      throw copyRefused(path, error);
    }
  }
  return copied;
}

/** A file that is gone, or shorter, was let go of: its process died. Anything else is for whoever asked to mend. */
function copyRefused(path: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || error instanceof RangeError) return new SnapshotLost(`${path} was let go of meanwhile.`);
  if (code === undefined) return error;
  return new BackupRefused(`${path} cannot be copied: ${message}.`, { cause: error });
}

/** @throws SnapshotLost when the copy is not what was pinned */
function checkWhole({ shards }: ServiceAudit, files: SnapshotView['files']): void {
  const faults = shards.flatMap(({ shard, faults }) => faults.map((fault) => `shard ${shard}: ${fault}`));
  for (const { shard, lsn } of files) {
    const found = shards.find((one) => one.shard === shard)?.lsn ?? 0;
    if (found < lsn) faults.push(`shard ${shard}: its copy ends with write ${found}, and ${lsn} was acknowledged`);
  }
  if (faults.length > 0) throw new SnapshotLost(`The copy is not whole: ${faults.join('; ')}.`);
}

/** All but the claim. */
async function empty(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name !== claimName) await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** Of two that begin in one directory at the same time, one has it. */
async function claimEmpty(directory: string): Promise<void> {
  try {
    makeDirectory(directory);
    const found = await readdir(directory);
    if (found.includes(claimName)) throw claimed(directory);
    if (found.length > 0) {
      throw new BackupRefused(`${directory} is not empty. A backup needs an empty or new directory.`);
    }
    await writeFile(join(directory, claimName), '', { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' && existsSync(join(directory, claimName))
      ? claimed(directory)
      : refusalOf(directory, error);
  }
}

function claimed(directory: string): BackupRefused {
  return new BackupRefused(
    `${directory} has a backup that is being taken, or broke off. Wait until it ends, or remove the directory.`,
  );
}

async function ask(data: string, method: 'GET' | 'POST', path: string, question?: unknown): Promise<unknown> {
  const { status, body }: AdminAnswer = await askService(data, method, path, question);
  if (status === 503) throw new SnapshotLost((body as { detail: string }).detail);
  if (status >= 300) throw new BackupRefused((body as { detail: string }).detail);
  return body;
}
