/**
 * CPU time as Linux's `/proc` tells it, user and kernel, of all threads: of processes, and of everybody. Elsewhere it
 * is not known.
 */

import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { BenchFailure } from './failure.ts';

/** One clock tick of `/proc`: `USER_HZ` is 100 on every Linux that Node runs on. */
const tickUs = 10_000;

const isKnown = existsSync('/proc/self/stat');

/** How much of the CPU was taken until a moment, in microseconds. */
type CpuTimes = {
  readonly atMs: number;
  /** By the processes that are measured. */
  readonly drivenUs: number;
  /** By everything of the benchmark: its contestants, the load generator, itself. */
  readonly oursUs: number;
  /** By everybody, and what the host of a virtual machine withheld. */
  readonly machineUs: number;
};

/**
 * Null where the system does not tell.
 * @throws BenchFailure when one of the processes is gone
 */
export function cpuTimes(drivenPids: readonly number[], contestantPids: readonly number[]): CpuTimes | null {
  if (!isKnown) return null;
  const ofProcesses = (pids: readonly number[]) => sum(pids.map((pid) => sum(processTicks(pid).slice(0, 2))));
  return {
    atMs: performance.now(),
    drivenUs: ofProcesses(drivenPids) * tickUs,
    // The load generator is a child that this process has waited for, or this process itself.
    oursUs: (ofProcesses(contestantPids) + sum(processTicks('self'))) * tickUs,
    machineUs: machineTicks() * tickUs,
  };
}

/** The share of all cores' time that programs had which are not ours: 0 to 1. Ticks are coarse: small shares may be 0. */
export function othersShare(before: CpuTimes, after: CpuTimes): number {
  const othersUs = after.machineUs - before.machineUs - (after.oursUs - before.oursUs);
  const availableUs = (after.atMs - before.atMs) * 1_000 * availableParallelism();
  return Math.max(0, othersUs) / availableUs;
}

/** Fields 14 to 17 of proc(5): user and system time, the process's own and of children that it has waited for. */
function processTicks(pid: number | 'self'): readonly number[] {
  const stat = statOf(pid);
  // Behind the command, which is field 2 and may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(14 - 3, 18 - 3).map(Number);
}

function statOf(pid: number | 'self'): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch (error) {
    throw new BenchFailure(`Process ${pid} of a contestant ended while it was measured.`, { cause: error });
  }
}

/** Ticks that all cores worked for processes, or were withheld. Interrupts count in whom they interrupt, or nowhere. */
function machineTicks(): number {
  // cpu  user nice system idle iowait irq softirq steal …
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1);
  const ticks = line.split(/ +/).slice(1).map(Number);
  return sum([0, 1, 2, 7].map((field) => ticks[field] ?? 0));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
