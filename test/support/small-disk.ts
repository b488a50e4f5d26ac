/** A disk that can be really full: a small file system in memory. Only root can mount one. */

import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from './temporary-directory.ts';

/**
 * @param size as mount(8) takes it, e.g. `4m`
 * @returns undefined where it cannot be mounted
 */
export function smallDisk(size: string): string | undefined {
  const path = temporaryDirectory();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  onTestFinished(() => {
    execFileSync('umount', ['--lazy', path]);
  });
  return path;
}

export function resizeDisk(path: string, size: string): void {
  execFileSync('mount', ['-o', `remount,size=${size}`, path]);
}

/** Nobody may have a file on it open for writing. */
export function makeReadOnly(path: string): void {
  execFileSync('mount', ['-o', 'remount,ro', path]);
}

/** Somebody else takes all that is left of the disk. Returns what gives it back. */
export function fillDisk(path: string): () => void {
  const filler = join(path, 'filler');
  try {
    execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k'], { stdio: 'ignore' });
  } catch {
    // There was no room for more.
  }
  return () => rmSync(filler, { force: true });
}
