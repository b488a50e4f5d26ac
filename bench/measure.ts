/** Drives every cell in turns, and takes CPU times around each drive. */

import { type Contestants, contestantTitles } from './contestants/contestant.ts';
import { cpuTimes, othersShare } from './cpu-time.ts';
import type { Driver } from './drivers/driver.ts';
import type { Progress } from './progress.ts';
import { rounds, schedule } from './schedule.ts';
import type { Cell, Trial } from './trial.ts';

/** A hundred of the clock ticks in which CPU time is counted. */
export const driveSeconds = 1;
/** Connecting and the end of the load generator take a tenth of a second more. */
const driveExpectedMs = driveSeconds * 1_000 + 100;
export const measureExpectedMs = schedule.length * driveExpectedMs;

export type MeasureOptions = {
  readonly driver: Driver;
  /** Where the driver may keep files. */
  readonly directory: string;
  /** Each drive takes the next one. */
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
};

/** @throws BenchFailure when a request failed */
export async function measure(contestants: Contestants, options: MeasureOptions): Promise<readonly Trial[]> {
  const trials: Trial[] = [];
  for (const [index, { cell, round }] of schedule.entries()) {
    options.signal.throwIfAborted();
    const stage = round === null ? 'Warming up' : `Round ${round} of ${rounds}`;
    const title = `${stage}: ${cell.method}, ${contestantTitles[cell.contestant]}`;
    options.progress.begin({ title, expectedMs: driveExpectedMs });
    const measured = await driveOnce(contestants, cell, { ...options, seed: options.seed + 1 + index });
    if (round !== null) trials.push({ ...cell, round, ...measured });
  }
  return trials;
}

async function driveOnce(
  contestants: Contestants,
  { contestant, method }: Cell,
  { driver, directory, seed, signal }: MeasureOptions,
): Promise<Omit<Trial, keyof Cell | 'round'>> {
  const { url, pids } = contestants[contestant];
  const allPids = Object.values(contestants).flatMap((one) => one.pids);
  const before = cpuTimes(pids, allPids);
  const { requests, durationMs, p50Ms, p99Ms } = await driver.drive({
    method,
    url,
    seconds: driveSeconds,
    seed,
    directory,
    signal,
  });
  const after = cpuTimes(pids, allPids);
  return {
    requests,
    requestsPerS: (requests * 1_000) / durationMs,
    p50Ms,
    p99Ms,
    cpuUs: before === null || after === null ? null : (after.drivenUs - before.drivenUs) / requests,
    othersShare: before === null || after === null ? null : othersShare(before, after),
  };
}
