/**
 * How a full disk is told from a broken one. SQLite says `SQLITE_FULL` for ENOSPC alone: a quota that is spent comes as
 * an I/O error, as a disk that fails does, and better-sqlite3 does not tell the errno. So a write in the same
 * directory is tried: what stands in its way stood in SQLite's.
 */

import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

/** Result codes of writes that a spent quota fails. A failed fsync is none of them: nobody knows what it lost. */
const codesOfFailedWrites = new Set(['SQLITE_IOERR_WRITE', 'SQLITE_IOERR_SHMSIZE']);

/** Larger than any single write of SQLite: what had no room for a page has none for this. */
const probeBytes = 64 * 1024;

/** @param directories where the file may lie that was written */
export function saysDiskFull(sqliteCode: string, directories: () => readonly string[]): boolean {
  return sqliteCode === 'SQLITE_FULL' || (codesOfFailedWrites.has(sqliteCode) && directories().some(hasNoRoom));
}

/** Whether a file system, or its quota for this user, has no room for 64 KiB. */
function hasNoRoom(directory: string): boolean {
  const path = join(directory, `.probe-${process.pid}`);
  try {
    writeThrough(path, randomFillSync(Buffer.allocUnsafe(probeBytes)));
    return false;
  } catch (error) {
    return isNoRoom(error);
  } finally {
    rmSync(path, { force: true });
  }
}

/** Of a system call. */
export function isNoRoom(error: unknown): boolean {
  const { errno } = error as NodeJS.ErrnoException;
  // By number: Node has no name for EDQUOT.
  return errno === -constants.errno.ENOSPC || errno === -constants.errno.EDQUOT;
}

function writeThrough(path: string, bytes: Buffer): void {
  const file = openSync(path, 'w', 0o600);
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    // A file system that allocates late says only now that it cannot.
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
