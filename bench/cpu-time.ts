/** CPU time as Linux's `/proc` tells it, user and kernel, of all threads. */

import { readFileSync } from 'node:fs';
import { BenchFailure } from './failure.ts';
import { sum } from './statistics.ts';

/** One clock tick of `/proc`: `USER_HZ` is 100 on every Linux that Node runs on. */
const tickUs = 10_000;

/** Of these processes so far, in microseconds. @throws BenchFailure when one of them is gone */
export function cpuUsOf(pids: readonly number[]): number {
  return sum(pids.map((pid) => sum(processTicks(pid).slice(0, 2)))) * tickUs;
}

/** Of this process, and of its children that have ended. */
export function ownCpuUs(): number {
  return sum(processTicks('self')) * tickUs;
}

/** By everybody, and what the host of a virtual machine withheld. Interrupts count in whom they interrupt, or nowhere. */
export function machineCpuUs(): number {
  // cpu  user nice system idle iowait irq softirq steal …
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1);
  const ticks = line.split(/ +/).slice(1).map(Number);
  return sum([0, 1, 2, 7].map((field) => ticks[field] ?? 0)) * tickUs;
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
