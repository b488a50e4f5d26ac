/** What the partitioned strategy is to reach beside the others, and whether it did. Pure. */

import { batchOperations, type Cell, plainWorkload, type Workload } from './cells/cell.ts';
import { type Found, layoutsFor, listedOverFour } from './cells/plan.ts';
import { bare, type Contestant, clones, directReads, nameOf, partitioned, single } from './contestants/contestant.ts';
import { inTimeMs } from './judge/outage.ts';
import type { Correctness } from './measure/correctness.ts';
import { cpuUsOf, type Trial } from './measure/trial.ts';
import { type SectionResults, type TargetResult, trialsOf } from './results.ts';
import { spreadOf } from './statistics.ts';

type Wanted = Pick<TargetResult, 'title' | 'bound' | 'wanted'>;

type Target = Wanted & {
  readonly section: string;
  readonly workload: Workload;
  readonly ours: Contestant;
  readonly theirs: Contestant;
  readonly of: (trial: Trial) => number;
  /** Where theirs is another workload, and another figure of it. */
  readonly theirWorkload?: Workload;
  readonly theirOf?: (trial: Trial) => number;
};

const requestsPerS = (trial: Trial) => trial.requestsPerS;
const p99Ms = (trial: Trial) => trial.p99Ms;

const atLeast = (wanted: number) => ({ bound: 'at least' as const, wanted });
const atMost = (wanted: number) => ({ bound: 'at most' as const, wanted });

/** Of the form in which shards read. */
function forwardedTargets(cores: number, ours: Contestant, latencyWorkload: Workload | undefined): readonly Target[] {
  const { group, commit, redis, http } = layoutsFor(cores);
  const get = { section: 'strategies', workload: { ...plainWorkload, mix: 'get' as const }, ours, of: requestsPerS };
  const put = { section: 'strategies', workload: plainWorkload, ours, of: requestsPerS };
  return [
    { title: 'PUT ÷ cloned with a commit per request', ...put, theirs: commit, ...atLeast(5) },
    ...(latencyWorkload === undefined
      ? []
      : [
          {
            title: `PUT p99 ÷ cloned with group commit, at ${latencyWorkload.rate.toLocaleString('en-US')}/s`,
            ...{ section: 'latency', workload: latencyWorkload, ours, theirs: group, of: p99Ms },
            ...atMost(0.2),
          },
        ]),
    { title: 'PUT ÷ cloned with group commit', ...put, theirs: group, ...atLeast(1.15) },
    {
      title: 'PUT ÷ cloned with group commit, 5 ms a sync',
      ...{ ...put, workload: { ...plainWorkload, diskMs: 5 }, theirs: group, ...atLeast(2) },
    },
    {
      title: 'PUT ÷ 8 clones with group commit, 8 emulated cores',
      ...{ ...put, section: 'cores-8', ours: partitioned(4, 4), theirs: clones('cloned-group', 8), ...atLeast(4) },
    },
    { title: 'GET ÷ cloned over SQLite', ...get, theirs: group, ...atLeast(0.8) },
    { title: 'GET ÷ partitioned with an HTTP hop', ...get, theirs: http, ...atLeast(2) },
    { title: 'GET ÷ cloned over Redis', ...get, theirs: redis, ...atLeast(1) },
    { title: 'PUT ÷ cloned over Redis', ...put, theirs: redis, ...atLeast(0.9) },
    { title: 'GET ÷ bare node:http', ...get, theirs: bare, ...atLeast(0.6) },
    { title: 'GET ÷ one process', ...get, theirs: single, ...atLeast(0.8) },
    { title: 'PUT ÷ one process', ...put, theirs: single, ...atLeast(0.8) },
    {
      title: 'keys/s in batches of 100 PUTs ÷ single PUTs',
      ...{ section: 'data', workload: { ...plainWorkload, mix: 'batch' as const }, ours, theirs: ours },
      ...{ of: (trial: Trial) => trial.requestsPerS * batchOperations, ...atLeast(4) },
      ...{ theirWorkload: plainWorkload, theirOf: requestsPerS },
    },
    {
      title: 'CPU a page of 100 keys over 4 shards ÷ one process',
      ...{ section: 'data', workload: { ...plainWorkload, mix: 'list' as const }, ours: listedOverFour },
      ...{ theirs: single, of: cpuUsOf, ...atMost(2.5) },
    },
    { title: 'CPU a GET ÷ one process', ...get, theirs: single, of: cpuUsOf, ...atMost(1.5) },
    {
      title: 'CPU a GET of one process ÷ bare node:http',
      ...get,
      ours: single,
      theirs: bare,
      of: cpuUsOf,
      ...atMost(1.5),
    },
  ];
}

/** Of the form in which routers read, beside whom it is to equal at reading, and to keep ahead of at writing. */
function directTargets(cores: number, ours: Contestant): readonly Target[] {
  const { group } = layoutsFor(cores);
  const of = requestsPerS;
  const here = { section: 'strategies', ours, of };
  const onEight = { section: 'cores-8', ours: directReads(8, 4), theirs: clones('cloned-group', 8), of };
  const beyondMemory = { section: 'memory', ours, theirs: single, of };
  const plain = (workload: Partial<Workload>) => ({ workload: { ...plainWorkload, ...workload } });
  return [
    {
      title: 'direct reads: GET ÷ cloned over SQLite',
      ...here,
      ...plain({ mix: 'get' }),
      theirs: group,
      ...atLeast(1),
    },
    { title: 'direct reads: GET ÷ 8 clones, 8 emulated cores', ...onEight, ...plain({ mix: 'get' }), ...atLeast(0.95) },
    {
      title: 'direct reads: 95 % reads ÷ 8 clones, 8 emulated cores',
      ...onEight,
      ...plain({ mix: 'b' }),
      ...atLeast(1.3),
    },
    { title: 'direct reads: PUT ÷ 8 clones, 8 emulated cores', ...onEight, ...plain({}), ...atLeast(4) },
    { title: 'direct reads: PUT ÷ cloned over SQLite', ...here, ...plain({}), theirs: group, ...atLeast(1) },
    { title: 'direct reads: PUT ÷ one process', ...here, ...plain({}), theirs: single, ...atLeast(0.9) },
    {
      title: 'direct reads: GET of 16 KiB ÷ cloned over SQLite',
      ...{ ...here, section: 'workloads', ...plain({ mix: 'get', dataSet: '16KiB' }), theirs: group, ...atLeast(0.9) },
    },
    {
      title: 'direct reads: GET, 512 MiB under 384 MiB ÷ one process',
      ...{ ...beyondMemory, ...plain({ mix: 'get', dataSet: 'huge' }), ...atLeast(0.9) },
    },
    {
      title: 'direct reads: PUT, 512 MiB under 384 MiB ÷ one process',
      ...{ ...beyondMemory, ...plain({ dataSet: 'huge' }), ...atLeast(0.9) },
    },
  ];
}

export type Measured = {
  readonly sections: readonly SectionResults[];
  readonly correctness: readonly Correctness[];
  readonly cores: number;
  /** Whose layouts are ours. */
  readonly found: Pick<Found, 'partitioned' | 'direct'>;
};

export function targetResults({ sections, correctness, cores, found }: Measured): readonly TargetResult[] {
  const targets = [
    ...forwardedTargets(cores, found.partitioned, latencyWorkloadOf(sections)),
    ...directTargets(cores, found.direct),
  ];
  return [
    ...targets.map((target) => judged(target, ratiosOf(sections, target))),
    judged(
      { title: `direct reads: % of a killed shard’s keys read within ${inTimeMs} ms`, ...atLeast(99.9) },
      percentInTime(correctness, found.direct),
    ),
  ];
}

function judged({ title, bound, wanted }: Wanted, figures: readonly number[]): TargetResult {
  if (figures.length === 0) return { title, bound, wanted, ratio: null, reached: null };
  const ratio = spreadOf(figures);
  const reached = bound === 'at least' ? ratio.median >= wanted : ratio.median <= wanted;
  return { title, bound, wanted, ratio, reached };
}

/** None where nobody read meanwhile. */
function percentInTime(correctness: readonly Correctness[], contestant: Contestant): readonly number[] {
  const meanwhile = correctness.find((one) => one.contestant === nameOf(contestant))?.kill.readsMeanwhile;
  return meanwhile && meanwhile.reads > 0 ? [(100 * meanwhile.inTime) / meanwhile.reads] : [];
}

/** Within each round, since what disturbs a round disturbs both. */
function ratiosOf(
  sections: readonly SectionResults[],
  { section, workload, ours, theirs, of, theirWorkload = workload, theirOf = of }: Target,
): readonly number[] {
  const trials = (cell: Omit<Cell, 'section'>) => trialsOf(sections, { section, ...cell }) ?? [];
  const others = trials({ workload: theirWorkload, contestant: theirs });
  return trials({ workload, contestant: ours }).flatMap((trial) => {
    const other = others.find(({ round }) => round === trial.round);
    return other === undefined ? [] : [of(trial) / theirOf(other)];
  });
}

/** Of the rates that were measured for PUT, the second smallest: a quarter of saturation. */
function latencyWorkloadOf(sections: readonly SectionResults[]): Workload | undefined {
  const cells = sections.find(({ name }) => name === 'latency')?.cells ?? [];
  const workloads = cells.map(({ cell }) => cell.workload).filter(({ mix }) => mix === 'put');
  const rates = [...new Set(workloads.map(({ rate }) => rate))].sort((a, b) => a - b);
  const rate = rates[Math.min(1, rates.length - 1)];
  return workloads.find((one) => one.rate === rate);
}
