/** What the service is to reach beside the other contestants, and whether it did. Pure. */

import type { ContestantName } from './contestants/contestant.ts';
import { type Spread, spreadOf } from './statistics.ts';
import { type Trial, trialsOf } from './trial.ts';
import type { Method } from './workload.ts';

type Target = {
  readonly title: string;
  readonly method: Method;
  readonly beside: ContestantName;
  readonly of: (trial: Trial) => number | null;
  readonly bound: 'at least' | 'at most';
  readonly wanted: number;
};

const requestsPerS = (trial: Trial) => trial.requestsPerS;
const cpuUs = (trial: Trial) => trial.cpuUs;

/** With one router and two shards on two cores. */
const targets: readonly Target[] = [
  {
    title: 'GET requests/s ÷ bare node:http',
    ...{ method: 'GET', beside: 'bare', of: requestsPerS, bound: 'at least', wanted: 0.6 },
  },
  {
    title: 'GET requests/s ÷ one process',
    ...{ method: 'GET', beside: 'single', of: requestsPerS, bound: 'at least', wanted: 0.8 },
  },
  {
    title: 'PUT requests/s ÷ one process',
    ...{ method: 'PUT', beside: 'single', of: requestsPerS, bound: 'at least', wanted: 0.8 },
  },
  { title: 'CPU a GET ÷ one process', method: 'GET', beside: 'single', of: cpuUs, bound: 'at most', wanted: 1.5 },
];

export type TargetResult = Pick<Target, 'title' | 'bound' | 'wanted'> & {
  /** The service's figure by the other's, in each round; null where a figure is not known. */
  readonly ratio: Spread | null;
  /** By the median; null where there is none. */
  readonly reached: boolean | null;
};

export function targetResults(trials: readonly Trial[]): readonly TargetResult[] {
  return targets.map(({ title, method, beside, of, bound, wanted }) => {
    const others = trialsOf(trials, { contestant: beside, method });
    const ratios = trialsOf(trials, { contestant: 'service', method }).map((trial) => {
      const other = others.find(({ round }) => round === trial.round);
      const [ours, theirs] = [of(trial), other === undefined ? null : of(other)];
      return ours === null || theirs === null ? null : ours / theirs;
    });
    const ratio = spreadOf(ratios);
    if (ratio === null) return { title, bound, wanted, ratio, reached: null };
    return {
      title,
      bound,
      wanted,
      ratio,
      reached: bound === 'at least' ? ratio.median >= wanted : ratio.median <= wanted,
    };
  });
}
