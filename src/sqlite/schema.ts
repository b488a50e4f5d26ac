/**
 * The tables of one kind of file, by version. A new file gets the newest; one of an older version is brought further,
 * version by version, each in a transaction of its own. A file that is not of this kind, or newer, is left as it is.
 */

import { closeSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Database, isDiskFull, UnusableFile, WrongFile } from './database.ts';

export type Schema = {
  /** SQLite `application_id`: tells our files from any other SQLite file. */
  readonly applicationId: number;
  /** SQLite `user_version`: rises with every change of the tables. */
  readonly version: number;
  /** Creates version `version` in an empty file. */
  readonly ddl: string;
  /** By the version of the file that it finds: makes it one of the next version. */
  readonly migrations: Readonly<Record<number, (db: Database) => void>>;
};

/** Whether the file as it was is copied before it is brought to another version. */
export type UpgradeCopies = 'keep' | 'none';

export type Upgrade = { readonly path: string; readonly from: number; readonly to: number };

/** A file cannot be copied as it was, and is left so. */
export class NoRoomForCopy extends UnusableFile {}

/** Whether a file that is not there, or has nothing in it, becomes a new one, or is refused. */
export type Absence = 'create' | 'refuse';

/**
 * Within a transaction: creates the tables in an empty file.
 * @returns the version of the file, which may be an older one
 * @throws WrongFile when it is none of this kind, or newer than this program
 */
export function createOrCheck(db: Database, path: string, schema: Schema, absence: Absence = 'create'): number {
  const applicationId = db.setting('application_id');
  const version = db.setting('user_version') as number;
  const isEmpty = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
  if (isEmpty && applicationId === 0) {
    if (absence === 'refuse') throw new WrongFile(`${path} is empty.`);
    db.exec(schema.ddl);
    db.exec(`PRAGMA application_id = ${schema.applicationId}`);
    db.exec(`PRAGMA user_version = ${schema.version}`);
    return schema.version;
  }
  if (applicationId !== schema.applicationId) {
    throw new WrongFile(`${path} is a SQLite file of another program, or another file of Shardlite.`);
  }
  if (version > schema.version) {
    throw new WrongFile(
      `${path} has schema version ${version}, but this Shardlite only knows versions up to ${schema.version}. Use the newer Shardlite that wrote it.`,
    );
  }
  if (version < schema.version && schema.migrations[version] === undefined) {
    throw new WrongFile(`${path} has schema version ${version}, which this Shardlite can no longer read.`);
  }
  return version;
}

/** Where the copy of a file lies as it was in an older version. */
export function upgradeCopyOf(path: string, version: number): string {
  return `${path}.version-${version}`;
}

/**
 * Brings the file from this version to the newest. After a crash in between, the next open goes on. The copy is whole
 * before the file is touched.
 * @throws NoRoomForCopy
 */
export function upgrade(db: Database, path: string, schema: Schema, from: number, copies: UpgradeCopies): void {
  if (copies === 'keep') copyWhole(db, path, upgradeCopyOf(path, from));
  for (let version = from; version < schema.version; version++) {
    db.transaction(() => {
      // Where several processes share the file, another may have been faster.
      if (db.setting('user_version') !== version) return;
      schema.migrations[version]?.(db);
      db.exec(`PRAGMA user_version = ${version + 1}`);
    });
  }
}

/** Through SQLite: to open the file a second time in this process would drop the locks on it. */
function copyWhole(db: Database, path: string, copy: string): void {
  const unfinished = `${copy}.unfinished`;
  rmSync(unfinished, { force: true });
  try {
    // It syncs the copy as it does the file.
    db.prepare('VACUUM INTO ?').run(unfinished);
  } catch (error) {
    rmSync(unfinished, { force: true });
    if (!isDiskFull(error)) throw error;
    throw new NoRoomForCopy(
      `There is no room for a copy of ${path} before its upgrade. Make room, or start with --upgrade-copies none.`,
      { cause: error },
    );
  }
  renameSync(unfinished, copy);
  syncDirectory(dirname(copy));
}

/** So that a new name in it survives a power cut. */
function syncDirectory(path: string): void {
  const directory = openSync(path, 'r');
  fsyncSync(directory);
  closeSync(directory);
}
