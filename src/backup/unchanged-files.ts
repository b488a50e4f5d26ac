/**
 * What a new backup need not copy: a file that nobody has written to since an earlier backup copied it. It becomes another
 * name of that copy (a hard link), which takes no room. Copies are never written to, so neither backup can change the other,
 * and each may be removed.
 */

import { statSync } from 'node:fs';
import { link } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { SnapshotView } from '../admin/contract.ts';
import { sha256Of } from './durable-files.ts';
import { BackupRefused, type Manifest, manifestOf } from './manifest.ts';

type SnapshotFile = SnapshotView['files'][number];
export type EarlierCopy = { readonly sha256: string; readonly shard: Manifest['shards'][number] };

/**
 * How the live file stands, while it is pinned: the same again only if it was not written to in between. Of a WAL that
 * goes on growing so much counts as belongs to the snapshot. A directory that was restored or copied has other inodes.
 */
export function sourceStateOf({ path, walBytes }: Pick<SnapshotFile, 'path' | 'walBytes'>): string {
  const wal = walBytes === 0 ? '' : `, WAL ${standingOf(`${path}-wal`)}`;
  return `${standingOf(path)}${wal} to ${walBytes}`;
}

function standingOf(path: string): string {
  const { ino, size, mtimeNs } = statSync(path, { bigint: true });
  return `${ino}/${size}@${mtimeNs}`;
}

export class EarlierBackup {
  readonly #directory: string;
  readonly #manifest: Manifest;

  /** @throws BackupRefused when there is no whole one, or of another service */
  constructor(directory: string, service: string) {
    this.#directory = directory;
    this.#manifest = manifestOf(directory);
    if (this.#manifest.service !== service) throw new BackupRefused(`${directory} is a backup of another service.`);
  }

  /**
   * Links its copy as `to`, after reading all of it: damage does not spread to further backups.
   * @param source how the live file stands
   * @returns undefined when the file has changed, the copy has, or the file system cannot link it: it must be copied
   */
  async linkUnchanged(
    { file, source, to }: { readonly file: SnapshotFile; readonly source: string; readonly to: string },
    onBytes: (bytes: number) => Promise<void>,
  ): Promise<EarlierCopy | undefined> {
    const name = basename(file.path);
    const shard = this.#manifest.shards.find((one) => one.shard === file.shard);
    const sha256 = this.#manifest.files.find((one) => one.name === name)?.sha256;
    if (sha256 === undefined || shard?.lsn !== file.lsn || shard.source !== source) return undefined;
    const copy = join(this.#directory, name);
    try {
      if ((await sha256Of(copy, onBytes)) !== sha256) return undefined;
      await link(copy, to);
      return { sha256, shard };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      return undefined;
    }
  }
}
