/**
 * How many connections a process takes at once: as many as it has memory for, or as many as it may have files open.
 * Beyond that new ones are closed at once. A process without a free descriptor can do nothing with what it is dealt,
 * not even close it, and its own files and sockets fail too.
 */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Each costs some 10 KiB; a router stays far below its memory with all of them open. */
export const connectionsMax = 10_000;

/** Kept free for what is no connection: Node's own, the log, databases, one socket to each shard. */
const otherFilesMax = 100;

/** Within what this process may have open. */
export function connectionsAllowed(): number {
  return connectionsWithin(openFilesMax());
}

export function connectionsWithin(openFiles: number): number {
  return Math.min(connectionsMax, Math.max(openFiles - otherFilesMax, Math.floor(openFiles / 4)));
}

/**
 * Node raises the soft limit to the hard one when a process starts, so this is the most that this user can have.
 * Infinity where there is none or nobody knows.
 */
export function openFilesMax(): number {
  const text = limitOfLinux() ?? spawnSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }).stdout ?? '';
  const limit = Number.parseInt(text, 10);
  return Number.isNaN(limit) ? Number.POSITIVE_INFINITY : limit;
}

/** Without a process of its own: a router starts within a moment. */
function limitOfLinux(): string | undefined {
  try {
    return /^Max open files +(\w+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
