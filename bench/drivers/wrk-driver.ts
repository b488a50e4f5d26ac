/** Drives with wrk, a load generator in C: one thread, which leaves the most of a small machine to the contestants. */

import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BenchFailure } from '../failure.ts';
import { connections } from '../workload.ts';
import type { Drive, Driven, Driver } from './driver.ts';
import { wrkResultOf, wrkScript } from './wrk-script.ts';

const run = promisify(execFile);

/** Undefined when wrk is not installed. */
export function wrkVersion(): string | undefined {
  const { error, stdout } = spawnSync('wrk', ['-v'], { encoding: 'utf8' });
  if (error !== undefined) return undefined;
  return /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? 'of an unknown version';
}

export class WrkDriver implements Driver {
  readonly name: string;
  readonly caveat = null;

  constructor(version: string) {
    this.name = `wrk ${version}`;
  }

  async drive({ method, url, seconds, seed, directory, signal }: Drive): Promise<Driven> {
    const script = join(directory, 'drive.lua');
    writeFileSync(script, wrkScript);
    const load = ['--threads', '1', '--connections', String(connections), '--duration', `${seconds}s`];
    const { stdout } = await run('wrk', [...load, '--script', script, url, '--', method, String(seed)], { signal });
    const { requests, durationUs, p50Us, p99Us, failedStatus, failedSocket } = wrkResultOf(stdout);
    if (requests === 0 || failedStatus + failedSocket > 0) {
      throw new BenchFailure(
        `${method} at ${url}: of ${requests} requests, ${failedStatus} were answered with an error and ${failedSocket} broke off.`,
      );
    }
    return { requests, durationMs: durationUs / 1_000, p50Ms: p50Us / 1_000, p99Ms: p99Us / 1_000 };
  }
}
