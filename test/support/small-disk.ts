/** A disk that can be really full: a small file system in memory. Only root can mount one. */

import { execFileSync } from 'node:child_process';
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
