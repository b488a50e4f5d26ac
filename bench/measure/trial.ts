/** What one trial of a cell found. Pure. */

import { type Spread, spreadOf } from '../statistics.ts';

export type Trial = {
  /** From 1. */
  readonly round: number;
  readonly requestsPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Microseconds a request, by role; `load` is the load generator. */
  readonly cpuUs: Readonly<Record<string, number>>;
  /** Answers with an error, broken connections, time-outs, and requests that were due but never sent. */
  readonly errors: number;
  /** Reads that found nothing, though every key was stored. */
  readonly missing: number;
  /** Reads of what nobody wrote as it is. */
  readonly corrupt: number;
  /** Calls of fsync and fdatasync. */
  readonly syncs: number;
  /** Of all cores' time, what programs had that do not belong to the benchmark: 0 to 1. */
  readonly othersShare: number;
};

/** A figure over all trials. */
export function spreadOver(trials: readonly Trial[], of: (trial: Trial) => number): Spread {
  return spreadOf(trials.map(of));
}

/** Over all processes of the contestant, without the load generator. */
export function cpuUsOf({ cpuUs }: Trial): number {
  return Object.entries(cpuUs).reduce((total, [role, us]) => (role === 'load' ? total : total + us), 0);
}
