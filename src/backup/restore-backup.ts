/**
 * Makes a data directory of a backup, for as many shards as wanted. All of it happens beside the directory, which appears
 * whole by a rename, or not at all.
 */

import { createHash } from 'node:crypto';
import { existsSync, lstatSync, realpathSync, renameSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { DataDirectory, makeDirectory } from '../config/data-directory.ts';
import { auditFiles } from '../primary/audit.ts';
import { changeShards } from './change-shards.ts';
import { copyFile, sha256Of, syncAll, syncDirectory } from './durable-files.ts';
import { BackupRefused, type Manifest, manifestOf, refusalOf } from './manifest.ts';

export type RestoreOptions = {
  /** Of the backup. */
  readonly directory: string;
  /** Empty, or not there. */
  readonly data: string;
  /** As many as the backup has unless it says otherwise. */
  readonly shards: number | undefined;
  readonly onProgress: (done: number, total: number) => void;
};

/** @throws BackupRefused */
export async function restoreBackup({ directory, data, shards, onProgress }: RestoreOptions): Promise<Manifest> {
  const manifest = manifestOf(directory);
  const target = placeOf(data);
  const unfinished = `${target}.restoring`;
  await makeUnfinished(unfinished, target);
  try {
    await copyVerified(manifest, directory, unfinished, onProgress);
    checkContent(manifest, unfinished);
    if (shards !== undefined) await changeShards(new DataDirectory(unfinished), shards);
    await rm(join(unfinished, 'run'), { recursive: true, force: true });
    await syncAll(unfinished);
    await rename(unfinished, target);
    await syncDirectory(dirname(target));
    return manifest;
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw refusalOf(target, error);
  }
}

/** Where a symbolic link leads. @throws BackupRefused */
function placeOf(data: string): string {
  try {
    return realpathSync(data);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw refusalOf(data, error);
    if (lstatSync(data, { throwIfNoEntry: false }) === undefined) return resolve(data);
    throw new BackupRefused(`${data} is a symbolic link to nothing. Make the directory that it names, or remove it.`);
  }
}

/** Tries it with the empty directory: the system does so with no mount point. @throws BackupRefused */
function checkReplaceable(target: string, unfinished: string): void {
  try {
    renameSync(target, unfinished);
    renameSync(unfinished, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    throw new BackupRefused(
      `${target} is a mount point, which cannot be replaced as a whole. Restore into a new directory below it, such as ${join(target, 'data')}.`,
      { cause: error },
    );
  }
}

/** @throws BackupRefused when something is there already, or nothing can be */
async function makeUnfinished(unfinished: string, target: string): Promise<void> {
  try {
    if (existsSync(target) && (await readdir(target)).length > 0) {
      throw new BackupRefused(`${target} is not empty. Restore into an empty or new directory.`);
    }
    if (existsSync(unfinished)) {
      throw new BackupRefused(
        `${unfinished} is there already: another restore runs, or broke off. Remove it, then try again.`,
      );
    }
    if (existsSync(target)) checkReplaceable(target, unfinished);
    makeDirectory(unfinished);
  } catch (error) {
    throw refusalOf(target, error);
  }
}

/** Compares every file with the manifest. @throws BackupRefused */
export async function verifyBackup(
  directory: string,
  onProgress: (done: number, total: number) => void,
): Promise<Manifest> {
  const manifest = manifestOf(directory);
  const total = bytesOf(manifest);
  let done = 0;
  for (const { name, sha256 } of manifest.files) {
    const found = await sha256Of(join(directory, name), (bytes) => {
      done += bytes;
      onProgress(done, total);
    }).catch((error: Error) => error.message);
    if (found !== sha256)
      throw new BackupRefused(`${join(directory, name)} is not as it was when the backup was made.`);
  }
  return manifest;
}

async function copyVerified(
  manifest: Manifest,
  from: string,
  to: string,
  onProgress: RestoreOptions['onProgress'],
): Promise<void> {
  const total = bytesOf(manifest);
  let done = 0;
  for (const { name, sha256 } of manifest.files) {
    const hash = createHash('sha256');
    await copyFile(join(from, name), join(to, name), {
      bytesPerS: Number.POSITIVE_INFINITY,
      onChunk: (chunk) => {
        hash.update(chunk);
        done += chunk.length;
        onProgress(done, total);
      },
    }).catch((error: Error) => {
      throw new BackupRefused(`${join(from, name)} cannot be copied: ${error.message}.`, { cause: error });
    });
    if (hash.digest('hex') !== sha256) {
      throw new BackupRefused(`${join(from, name)} is not as it was when the backup was made.`);
    }
  }
}

/** @throws BackupRefused when the rows are others than those of the manifest */
function checkContent(manifest: Manifest, data: string): void {
  const { shards } = auditFiles(data);
  for (const { shard, keys, bytes, digest } of manifest.shards) {
    const found = shards.find((one) => one.shard === shard);
    const isSame = found?.keys === keys && found.bytes === bytes && found.digest === digest;
    if (!isSame || found.faults.length > 0)
      throw new BackupRefused(`The rows of shard ${shard} are not those of the backup.`);
  }
}

function bytesOf({ files }: Manifest): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
