/**
 * What a backup consists of, as `manifest.json` beside its files says. It is written last: a directory without one is no
 * backup. Whoever restores compares each file with it.
 */

import { join } from 'node:path';
import { readText } from '../config/read-text.ts';
import { isDiskFull } from '../sqlite/database.ts';
import { integer, listOf, objectOf, parsed, type Shape, type ShapeOf, text } from '../supervision/shape.ts';

export const manifestName = 'manifest.json';

const textIfThere: Shape<string | undefined> = (value) => value === undefined || text(value);

const manifest = objectOf({
  /** Of the backup's layout. */
  format: integer,
  /** Of the Shardlite that made it. */
  version: text,
  service: text,
  strategy: text,
  /** ISO 8601: everything acknowledged before is in. */
  takenAt: text,
  /** Of the ring. */
  epoch: integer,
  files: listOf(objectOf({ name: text, bytes: integer, sha256: text })),
  shards: listOf(
    objectOf({
      shard: integer,
      lsn: integer,
      keys: integer,
      bytes: integer,
      digest: integer,
      /** How the live file stood (`sourceStateOf`). */
      source: textIfThere,
    }),
  ),
});

/** Of this Shardlite. */
export const manifestFormat = 1;

export type Manifest = ShapeOf<typeof manifest>;

/** There is no whole backup, or none can be made; the message says why and what to do. */
export class BackupRefused extends Error {
  override readonly name = 'BackupRefused';
}

/** What the system refuses (no room, no permission) as a sentence; anything else as it is. */
export function refusalOf(path: string, error: unknown): unknown {
  const { syscall, message } = error as NodeJS.ErrnoException;
  if (syscall === undefined && !isDiskFull(error)) return error;
  return new BackupRefused(`${path} cannot be made: ${message}. Free some room, or name another directory.`, {
    cause: error,
  });
}

/** @throws BackupRefused */
export function manifestOf(directory: string): Manifest {
  try {
    const found = parsed(manifest, JSON.parse(readText(join(directory, manifestName))), manifestName);
    if (found.format !== manifestFormat) throw new TypeError(`its format is ${found.format}, not ${manifestFormat}`);
    for (const { name } of found.files) if (/[/\\]|^\.\.?$/.test(name)) throw new TypeError(`it names ${name}`);
    return found;
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new BackupRefused(
      isMissing
        ? `${directory} is no whole backup: it has no ${manifestName}. Name a directory that \`shardctl backup\` has made.`
        : `${directory} is no backup that this Shardlite can read: ${(error as Error).message}. Name another one.`,
      { cause: error },
    );
  }
}

/** Of all shards together. */
export function totalsOf({ shards }: Pick<Manifest, 'shards'>): { readonly keys: number; readonly bytes: number } {
  return {
    keys: shards.reduce((sum, { keys }) => sum + keys, 0),
    bytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
