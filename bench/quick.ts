/**
 * The quick comparison, within a minute: the service beside one process without shards and a bare HTTP server, all
 * running at once, driven in turns. It measures and returns; it prints nothing but its progress.
 */

import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countText } from '../src/cli/quantity.ts';
import { startContestants } from './contestants/contestant.ts';
import type { Driver } from './drivers/driver.ts';
import { describeMachine, type Machine } from './machine.ts';
import { driveSeconds, measure, measureExpectedMs } from './measure.ts';
import { preload } from './preload.ts';
import { Progress } from './progress.ts';
import { rounds } from './schedule.ts';
import { type TargetResult, targetResults } from './targets.ts';
import type { Trial } from './trial.ts';
import { connections, keyCount, valueBytes } from './workload.ts';

const startExpectedMs = 2_000;
const preloadExpectedMs = 6_000;

export type QuickResult = {
  readonly settings: {
    readonly driver: string;
    readonly driverCaveat: string | null;
    readonly seed: number;
    readonly connections: number;
    readonly keys: number;
    readonly valueBytes: number;
    readonly rounds: number;
    readonly driveSeconds: number;
  };
  readonly machine: Machine;
  readonly trials: readonly Trial[];
  readonly targets: readonly TargetResult[];
  readonly tookMs: number;
};

export type QuickOptions = {
  readonly driver: Driver;
  readonly signal: AbortSignal;
  /** Where progress is shown when it is a terminal. */
  readonly terminal: NodeJS.WriteStream;
};

/** Leaves no process and no file behind, however it ends. @throws BenchFailure when a contestant or a request failed */
export async function compareQuickly({ driver, signal, terminal }: QuickOptions): Promise<QuickResult> {
  const startedAtMs = performance.now();
  const seed = randomInt(2 ** 31);
  const directory = mkdtempSync(join(tmpdir(), 'shardlite-bench-'));
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  // Last resort, when the process ends in the middle.
  process.on('exit', removeDirectory);

  const progress = new Progress(terminal, startExpectedMs + preloadExpectedMs + measureExpectedMs);
  try {
    progress.begin({ title: 'Starting', expectedMs: startExpectedMs });
    const machine = describeMachine(directory);
    const { contestants, death, stop } = await startContestants(directory);
    try {
      const urls = [contestants.service.url, contestants.single.url];
      progress.begin({ title: `Storing ${countText(keyCount)} keys`, expectedMs: preloadExpectedMs });
      await preload({ urls, seed, signal, onProgress: (share) => progress.advance(share) });
      const trials = await measure(contestants, { driver, directory, seed, signal, progress });
      const tookMs = performance.now() - startedAtMs;
      const settings = { seed, connections, keys: keyCount, valueBytes, rounds, driveSeconds };
      return {
        settings: { driver: driver.name, driverCaveat: driver.caveat, ...settings },
        ...{ machine, trials, targets: targetResults(trials), tookMs },
      };
    } catch (error) {
      // Whatever failed then failed because of it.
      throw death() ?? error;
    } finally {
      await stop();
    }
  } finally {
    progress.end();
    removeDirectory();
    process.off('exit', removeDirectory);
  }
}
