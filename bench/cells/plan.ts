/**
 * What a run measures, section by section. Pure. The durations are such that `--quick` ends within 3 minutes and the
 * full run within 25.
 */

import { bare, type Contestant, clones, hop, partitioned, redisClones, single } from '../contestants/contestant.ts';
import { type Cell, type Mix, plainWorkload, type Workload } from './cell.ts';

/** Under what conditions the contestants of a section run. */
export type Conditions = {
  /** Each process gets one emulated core of so many; null: the real cores, for all together. */
  readonly emulatedCores: number | null;
  /** What all processes of a contestant and its files' cache may have together; null: no limit. */
  readonly memoryBytesMax: number | null;
};

export type Section = {
  readonly name: string;
  readonly title: string;
  readonly conditions: Conditions;
  readonly cells: readonly Cell[];
  readonly rounds: number;
  /** Of one trial. */
  readonly seconds: number;
};

/** `tiny` is for the benchmark's own test: every step, and figures that mean nothing. */
export type Scale = 'tiny' | 'quick' | 'full';

/** At least as many trials of each cell. */
const rounds = 5;
const MiB = 1024 * 1024;
const real: Conditions = { emulatedCores: null, memoryBytesMax: null };

/** For a machine with so many cores: as many clones, and the numbers that `shardctl start` chooses by itself. */
export function layoutsFor(cores: number) {
  const count = Math.max(2, cores);
  const routers = Math.max(1, Math.floor(cores / 2));
  return {
    partitioned: partitioned(routers, count),
    group: clones('cloned-group', count),
    commit: clones('cloned-commit', count),
    memory: clones('cloned-memory', count),
    redis: redisClones(count),
    http: hop('http-hop', count),
    ipc: hop('ipc-hop', count),
    /** Other numbers of routers and shards, to recommend from. */
    others: unique([partitioned(1, 1), partitioned(routers, routers), partitioned(count, count)]).filter(
      (one) => one.fronts !== routers || one.backs !== count,
    ),
  };
}

type Layouts = ReturnType<typeof layoutsFor>;

/** Everything that does not depend on what was measured before. */
export function sectionsOf(scale: Scale, cores: number): readonly Section[] {
  const layouts = layoutsFor(cores);
  const isFull = scale === 'full';
  if (scale === 'tiny') return [tinySection(layouts)];
  return [
    strategiesSection(layouts, isFull ? 1 : 0.6),
    ...(isFull ? [workloadsSection(layouts), memorySection(layouts)] : []),
    ...(isFull ? [1, 2, 4, 8] : [8]).map((count) => coresSection(count, isFull)),
  ];
}

/** Every strategy at the two plainest workloads: what most of the targets are about. */
function strategiesSection({ partitioned, group, commit, redis, http, ipc, memory, others }: Layouts, seconds: number) {
  const all = [partitioned, single, bare, group, commit, redis, http, ipc, memory, ...others];
  const cells = all.flatMap((contestant) =>
    // A constant cannot be written.
    (contestant === bare ? (['get'] as const) : (['get', 'put'] as const)).map((mix) =>
      cell('strategies', { mix }, contestant),
    ),
  );
  const slow = [partitioned, group, commit].map((contestant) => cell('strategies', { diskMs: 5 }, contestant));
  return { name: 'strategies', title: 'Strategies', conditions: real, cells: [...cells, ...slow], rounds, seconds };
}

function tinySection({ partitioned, ipc, memory }: Layouts): Section {
  const cells = [partitioned, ipc, memory].flatMap((contestant) =>
    (['get', 'put'] as const).map((mix) => cell('strategies', { mix }, contestant)),
  );
  return { name: 'strategies', title: 'Strategies', conditions: real, cells, rounds: 2, seconds: 0.1 };
}

/** One thing at a time is changed: mix and keys, value size, connections. */
function workloadsSection({ partitioned, group, commit, redis }: Layouts): Section {
  const everyMix: readonly Mix[] = ['get', 'b', 'a', 'put'];
  const workloads: Partial<Workload>[] = [
    ...everyMix.flatMap((mix) => [{ mix }, { mix, distribution: 'zipfian' as const }]),
    ...(['1KiB', '16KiB'] as const).flatMap((dataSet) => [{ mix: 'get' as const, dataSet }, { dataSet }]),
    ...[16, 256].flatMap((connections) => [{ mix: 'get' as const, connections }, { connections }]),
  ];
  const contestants = [single, partitioned, group, commit, redis];
  const cells = workloads.flatMap((one) => contestants.map((contestant) => cell('workloads', one, contestant)));
  return { name: 'workloads', title: 'Workloads', conditions: real, cells, rounds, seconds: 0.7 };
}

/** Redis is not among them: its data has to fit in memory. */
function memorySection({ partitioned, group }: Layouts): Section {
  const cells = (['get', 'put'] as const).flatMap((mix) =>
    [single, partitioned, group].map((contestant) => cell('memory', { mix, dataSet: 'huge' }, contestant)),
  );
  const conditions = { emulatedCores: null, memoryBytesMax: 384 * MiB };
  return { name: 'memory', title: 'Data larger than memory', conditions, cells, rounds, seconds: 0.7 };
}

/** Cores that each are an eighth of what this machine has to spare beside the load generator. */
function coresSection(count: number, isFull: boolean): Section {
  const half = Math.max(1, count / 2);
  const contestants = [
    clones('cloned-group', count),
    // Redis needs a core, too.
    redisClones(Math.max(1, count - 1)),
    partitioned(half, half),
  ];
  const workloads: Partial<Workload>[] = isFull
    ? [{ mix: 'get' }, ...(['b', 'a', 'put'] as const).flatMap((mix) => [0, 1, 5].map((diskMs) => ({ mix, diskMs })))]
    : [{ mix: 'get' }, { mix: 'put' }];
  const name = `cores-${count}`;
  return {
    name,
    title: count === 1 ? '1 emulated core' : `${count} emulated cores`,
    conditions: { emulatedCores: count, memoryBytesMax: null },
    cells: workloads.flatMap((one) => contestants.map((contestant) => cell(name, one, contestant))),
    rounds,
    seconds: 0.6,
  };
}

/** Latency at rates that are shares of what the partitioned strategy was found to reach. */
export function latencySection(
  scale: Scale,
  cores: number,
  reached: { readonly get: number; readonly put: number },
): Section {
  const { partitioned, group, commit, redis } = layoutsFor(cores);
  const isFull = scale === 'full';
  const contestants = isFull
    ? [single, partitioned, group, commit, redis]
    : scale === 'quick'
      ? [partitioned, group]
      : [partitioned];
  const workloads = (isFull ? (['get', 'put'] as const) : (['put'] as const)).flatMap((mix) =>
    (isFull ? [0.1, 0.25, 0.5, 0.75] : [0.25]).map((share) => ({ mix, rate: roundRate(reached[mix] * share) })),
  );
  const cells = workloads.flatMap((one) => contestants.map((contestant) => cell('latency', one, contestant)));
  return {
    name: 'latency',
    title: 'Latency at a fixed rate',
    conditions: real,
    cells,
    rounds: scale === 'tiny' ? 1 : rounds,
    seconds: isFull ? 1 : scale === 'quick' ? 1.5 : 0.2,
  };
}

/** To two digits, so that it can be said. */
function roundRate(rate: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(rate)) - 1);
  return Math.max(100, Math.round(rate / unit) * unit);
}

/** A section with these cells alone, under the conditions that their section has. */
export function sectionOfCells(cells: readonly Cell[], seconds: number): Section {
  const name = (cells[0] as Cell).section;
  const count = /^cores-(\d+)$/.exec(name)?.[1];
  const conditions =
    name === 'memory'
      ? memorySection(layoutsFor(1)).conditions
      : { ...real, emulatedCores: count === undefined ? null : Number(count) };
  return { name, title: name, conditions, cells, rounds, seconds };
}

export function contestantsOf({ cells }: Section): readonly Contestant[] {
  return unique(cells.map(({ contestant }) => contestant));
}

function cell(section: string, workload: Partial<Workload>, contestant: Contestant): Cell {
  return { section, workload: { ...plainWorkload, ...workload }, contestant };
}

function unique(contestants: readonly Contestant[]): readonly Contestant[] {
  return [...new Map(contestants.map((one) => [JSON.stringify(one), one])).values()];
}
