/** Drives every cell in turns, and takes CPU times around each drive. */

import { availableParallelism } from 'node:os';
import { type Contestants, contestantTitles } from './contestants/contestant.ts';
import { cpuTimeUs, machineCpuTimeUs, ownCpuTimeUs } from './cpu-time.ts';
import type { Driver } from './drivers/driver.ts';
import type { Progress } from './progress.ts';
import { type Cell, cells, cellsOfRound, type Trial } from './trial.ts';

/** As many as there are cells, so that each has had every place in the order once. */
export const rounds = cells.length;
/** A hundred of the clock ticks in which CPU time is counted. */
export const driveSeconds = 1;
/** Connecting and the end of the load generator take a tenth of a second more. */
const driveExpectedMs = driveSeconds * 1_000 + 100;
export const measureExpectedMs = (1 + rounds) * cells.length * driveExpectedMs;

export type MeasureOptions = {
  readonly driver: Driver;
  /** Where the driver may keep files. */
  readonly directory: string;
  /** Of the first drive; each later one counts one up. */
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly progress: Progress;
};

/** @throws Error when a request failed */
export async function measure(contestants: Contestants, options: MeasureOptions): Promise<readonly Trial[]> {
  const trials: Trial[] = [];
  let { seed } = options;
  for (let round = 0; round <= rounds; round++) {
    for (const cell of cellsOfRound(round)) {
      options.signal.throwIfAborted();
      const stage = round === 0 ? 'Warming up' : `Round ${round} of ${rounds}`;
      const title = `${stage}: ${cell.method}, ${contestantTitles[cell.contestant]}`;
      options.progress.begin({ title, expectedMs: driveExpectedMs });
      const trial = await tryOnce(contestants, cell, { ...options, seed: seed++, round });
      // Before round 1 compilers and caches are cold.
      if (round > 0) trials.push(trial);
    }
  }
  return trials;
}

async function tryOnce(
  contestants: Contestants,
  { contestant, method }: Cell,
  { driver, directory, seed, signal, round }: MeasureOptions & { readonly round: number },
): Promise<Trial> {
  const { url, pids } = contestants[contestant];
  const before = cpuTimes(contestants, pids);
  const driven = await driver.drive({ method, url, seconds: driveSeconds, seed, directory, signal });
  const after = cpuTimes(contestants, pids);
  const { requests, durationMs, p50Ms, p99Ms } = driven;
  return {
    contestant,
    method,
    round,
    requests,
    requestsPerS: (requests * 1_000) / durationMs,
    p50Ms,
    p99Ms,
    cpuUs: before === null || after === null ? null : (after.contestantUs - before.contestantUs) / requests,
    othersShare: before === null || after === null ? null : othersShare(before, after),
  };
}

type CpuTimes = {
  readonly atMs: number;
  /** Of the contestant that is driven. */
  readonly contestantUs: number;
  /** Of the benchmark, the load generator and all contestants. */
  readonly oursUs: number;
  /** Of everybody. */
  readonly machineUs: number;
};

function cpuTimes(contestants: Contestants, pids: readonly number[]): CpuTimes | null {
  const contestantUs = cpuTimeUs(pids);
  const allUs = cpuTimeUs(Object.values(contestants).flatMap((contestant) => contestant.pids));
  const ownUs = ownCpuTimeUs();
  const machineUs = machineCpuTimeUs();
  if (contestantUs === null || allUs === null || ownUs === null || machineUs === null) return null;
  return { atMs: performance.now(), contestantUs, oursUs: allUs + ownUs, machineUs };
}

/** Of all cores, what everybody but us has taken. The kernel counts in ticks: a small figure may come out below zero. */
function othersShare(before: CpuTimes, after: CpuTimes): number {
  const othersUs = after.machineUs - before.machineUs - (after.oursUs - before.oursUs);
  const availableUs = (after.atMs - before.atMs) * 1_000 * availableParallelism();
  return Math.max(0, othersUs) / availableUs;
}
