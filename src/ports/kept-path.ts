/**
 * A Unix socket is reached by its path alone: whoever removes that, or the directory in which it lies, shuts everybody
 * out of a process that still listens. So it is looked for every second, and made anew. Open connections stay.
 */

import { existsSync, mkdirSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import { fileAt } from './file-at.ts';

const lookIntervalMs = 1_000;

/**
 * @param server listens at `path`
 * @returns what ends it; to be called before the server is closed
 */
export function keepPath(server: Server, path: string): () => void {
  const directory = dirname(path);
  const home = dirname(directory);
  const homeThen = fileAt(home);
  let made = fileAt(path);
  // It could not listen: what is in the way may be gone a second later.
  server.on('error', () => {});
  server.on('listening', () => {
    made = fileAt(path);
  });
  const look = () => {
    const isThere = made !== undefined && fileAt(path) === made;
    // Another directory in place of the data directory may be another service's.
    if (isThere || fileAt(home) !== homeThen) return;
    if (!existsSync(directory)) mkdirSync(directory, { mode: 0o700 });
    rmSync(path, { force: true });
    made = undefined;
    server.close();
    server.listen(path);
  };
  const timer = setInterval(() => {
    try {
      look();
    } catch {
      // Where nothing can be looked at or made, the next second may be better.
    }
  }, lookIntervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
