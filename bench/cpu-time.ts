/** CPU time as Linux's `/proc` tells it, user and kernel: of processes, and of everybody. Elsewhere it is not known. */

import { existsSync, readFileSync } from 'node:fs';

/** One clock tick of `/proc`: `USER_HZ` is 100 on every Linux that Node runs on. */
const tickUs = 10_000;

const isKnown = existsSync('/proc/self/stat');

/**
 * Microseconds that these processes have taken so far, all their threads, to the tick each.
 * @throws Error when one of them is gone
 */
export function cpuTimeUs(pids: readonly number[]): number | null {
  if (!isKnown) return null;
  const ticks = pids.flatMap((pid) => processTicks(`/proc/${pid}/stat`).slice(0, 2));
  return sum(ticks) * tickUs;
}

/** Microseconds that this process has taken so far, and the children that it has waited for. */
export function ownCpuTimeUs(): number | null {
  return isKnown ? sum(processTicks('/proc/self/stat')) * tickUs : null;
}

/** Microseconds that all cores have worked so far, or were withheld by the host of a virtual machine. */
export function machineCpuTimeUs(): number | null {
  if (!isKnown) return null;
  // cpu  user nice system idle iowait irq softirq steal …
  const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n', 1);
  const ticks = line.split(/ +/).slice(1).map(Number);
  // Interrupts are counted in the processes that they interrupt, or nowhere.
  return sum([0, 1, 2, 7].map((field) => ticks[field] ?? 0)) * tickUs;
}

/** Fields 14 to 17 of proc(5): user and system time, the process's own and of children that it has waited for. */
function processTicks(path: string): readonly number[] {
  const stat = readFileSync(path, 'latin1');
  // Behind the command, which is field 2 and may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(14 - 3, 18 - 3).map(Number);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
