/** What is measured: cells (one method at one contestant), and trials (one cell once). Pure. */

import type { ContestantName } from './contestants/contestant.ts';
import type { Method } from './workload.ts';

export type Cell = { readonly contestant: ContestantName; readonly method: Method };

/** Neighbours are compared with one another: what disturbs the machine for a few seconds disturbs both. */
export const cells: readonly Cell[] = [
  { contestant: 'service', method: 'GET' },
  { contestant: 'single', method: 'GET' },
  { contestant: 'bare', method: 'GET' },
  { contestant: 'service', method: 'PUT' },
  { contestant: 'single', method: 'PUT' },
];

export type Trial = Cell & {
  /** From 1. */
  readonly round: number;
  readonly requests: number;
  readonly requestsPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Microseconds a request, over all processes of the contestant; null where the system does not tell. */
  readonly cpuUs: number | null;
  /** Of all cores' time, what programs had that do not belong to the benchmark: 0 to 1. */
  readonly othersShare: number | null;
};

export function trialsOf(trials: readonly Trial[], { contestant, method }: Cell): readonly Trial[] {
  return trials.filter((trial) => trial.contestant === contestant && trial.method === method);
}
