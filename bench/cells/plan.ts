/**
 * What a run measures, section by section. Pure. The durations are such that `--quick` ends within 3 minutes and the
 * full run within 25.
 */

import {
  bare,
  type Contestant,
  clones,
  directReads,
  hop,
  partitioned,
  redisClones,
  single,
} from '../contestants/contestant.ts';
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
    /** The first is what `shardctl start` takes by itself. */
    partitioned: unique([
      partitioned(routers, count),
      partitioned(1, 1),
      partitioned(routers, routers),
      partitioned(count, count),
    ]),
    /** A router a core, since each router reads. */
    direct: unique([directReads(Math.max(1, cores), count), directReads(Math.max(1, cores), routers)]),
    group: clones('cloned-group', count),
    commit: clones('cloned-commit', count),
    memory: clones('cloned-memory', count),
    redis: redisClones(count),
    http: hop('http-hop', count),
    ipc: hop('ipc-hop', count),
  };
}

/** Every strategy at the two plainest workloads, in several layouts: what most of the targets are about. */
export function firstSection(scale: Scale, cores: number): Section {
  const { partitioned: forwarded, direct, group, commit, redis, http, ipc, memory } = layoutsFor(cores);
  const name = 'strategies';
  const common = { name, title: 'Strategies', conditions: real };
  const ofEach = (contestants: readonly Contestant[], mixes: readonly Mix[]) =>
    contestants.flatMap((contestant) => mixes.map((mix) => cell(name, { mix }, contestant)));
  const slow = (contestants: readonly Contestant[]) => contestants.map((one) => cell(name, { diskMs: 5 }, one));
  if (scale === 'tiny') {
    const forms = [...forwarded.slice(0, 1), ...direct.slice(0, 1)];
    return {
      ...common,
      cells: [...ofEach([...forms, ipc, memory], ['get', 'put']), ...slow(forms)],
      rounds: 2,
      seconds: 0.2,
    };
  }
  // Where time is short, each way of reading has the layout that it takes by itself.
  const tried = [forwarded, direct].flatMap((layouts) => (scale === 'full' ? layouts : layouts.slice(0, 1)));
  const cells = [
    // A constant cannot be written.
    ...ofEach([bare], ['get']),
    ...ofEach([single, ...tried, group, commit, redis, http, ipc, memory], ['get', 'put']),
    ...slow([...tried, group]),
  ];
  return { ...common, cells, rounds, seconds: scale === 'full' ? 0.8 : 0.3 };
}

/** What the first section found, and the others go on from. */
export type Found = {
  /** The layouts of the partitioned strategy that did best, one of each form: those of every other section. */
  readonly partitioned: Contestant;
  readonly direct: Contestant;
  /** What the one that forwards reads reached, requests a second. */
  readonly getsPerS: number;
  readonly putsPerS: number;
};

export function laterSections(scale: Scale, cores: number, found: Found): readonly Section[] {
  const layouts = { ...layoutsFor(cores), ...found };
  const latency = latencySection(scale, layouts, found);
  if (scale === 'tiny') return [latency];
  const data = dataSection(scale, layouts);
  if (scale === 'quick') return [latency, data, coresSection(8, scale)];
  const curve = [1, 2, 4, 8].map((count) => coresSection(count, scale));
  return [latency, data, workloadsSection(layouts), memorySection(layouts), ...curve];
}

/** A page is asked of each shard: of four it costs more than of one file. */
export const listedOverFour = partitioned(1, 4);

/** The data API beside plain PUTs. Direct reads are not among it: all of this is asked of the shards. */
function dataSection(scale: Scale, { partitioned: ours }: Layouts): Section {
  const name = 'data';
  const mixes: readonly Mix[] = ['put', 'conditional', 'counter', 'list', 'batch'];
  const cells = [
    ...[ours, single].flatMap((contestant) => mixes.map((mix) => cell(name, { mix }, contestant))),
    cell(name, { mix: 'list' }, listedOverFour),
  ];
  const [count, seconds] = scale === 'full' ? [rounds, 0.7] : [3, 0.3];
  return { name, title: 'Data API', conditions: real, cells, rounds: count, seconds };
}

type Layouts = Omit<ReturnType<typeof layoutsFor>, 'partitioned' | 'direct'> & Pick<Found, 'partitioned' | 'direct'>;

/** One thing at a time is changed: mix and keys, value size, connections. */
function workloadsSection({ partitioned, direct, group, commit, redis }: Layouts): Section {
  const everyMix: readonly Mix[] = ['get', 'b', 'a', 'put'];
  const workloads: Partial<Workload>[] = [
    ...everyMix.flatMap((mix) => [{ mix }, { mix, distribution: 'zipfian' as const }]),
    ...(['1KiB', '16KiB'] as const).flatMap((dataSet) => [{ mix: 'get' as const, dataSet }, { dataSet }]),
    ...[16, 256].flatMap((connections) => [{ mix: 'get' as const, connections }, { connections }]),
  ];
  const contestants = [single, partitioned, direct, group, commit, redis];
  const cells = workloads.flatMap((one) => contestants.map((contestant) => cell('workloads', one, contestant)));
  return { name: 'workloads', title: 'Workloads', conditions: real, cells, rounds, seconds: 0.6 };
}

const memoryConditions: Conditions = { emulatedCores: null, memoryBytesMax: 384 * MiB };

/** Redis is not among them: its data has to fit in memory. */
function memorySection({ partitioned, direct, group }: Layouts): Section {
  const cells = (['get', 'put'] as const).flatMap((mix) =>
    [single, partitioned, direct, group].map((contestant) => cell('memory', { mix, dataSet: 'huge' }, contestant)),
  );
  return {
    ...{ name: 'memory', title: 'Data larger than memory', conditions: memoryConditions, cells, rounds, seconds: 0.7 },
  };
}

/** Cores that each are an eighth of what this machine has to spare beside the load generator. */
function coresSection(count: number, scale: Scale): Section {
  const half = Math.max(1, count / 2);
  const contestants = [
    clones('cloned-group', count),
    // Redis needs a core, too.
    redisClones(Math.max(1, count - 1)),
    partitioned(half, half),
    directReads(count, half),
  ];
  const workloads: Partial<Workload>[] =
    scale === 'full'
      ? [{ mix: 'get' }, ...(['b', 'a', 'put'] as const).flatMap((mix) => [0, 1, 5].map((diskMs) => ({ mix, diskMs })))]
      : [{ mix: 'get' }, { mix: 'put' }];
  const name = `cores-${count}`;
  return {
    name,
    title: count === 1 ? '1 emulated core' : `${count} emulated cores`,
    conditions: { emulatedCores: count, memoryBytesMax: null },
    cells: workloads.flatMap((one) => contestants.map((contestant) => cell(name, one, contestant))),
    rounds,
    seconds: scale === 'full' ? 0.5 : 0.3,
  };
}

/** Latency at rates that are shares of what the partitioned strategy was found to reach. */
function latencySection(scale: Scale, { partitioned, direct, group, commit, redis }: Layouts, found: Found): Section {
  const {
    contestants,
    shares,
    mixes,
    rounds: count,
    seconds,
  } = {
    tiny: { contestants: [partitioned], shares: [0.25], mixes: ['put'] as const, rounds: 1, seconds: 0.2 },
    quick: { contestants: [partitioned, direct, group], shares: [0.25], mixes: ['put'] as const, rounds, seconds: 0.6 },
    full: {
      contestants: [single, partitioned, direct, group, commit, redis],
      ...{ shares: [0.1, 0.25, 0.5, 0.75], mixes: ['get', 'put'] as const, rounds, seconds: 0.8 },
    },
  }[scale];
  const cells = mixes.flatMap((mix) =>
    shares.flatMap((share) => {
      const rate = roundRate((mix === 'get' ? found.getsPerS : found.putsPerS) * share);
      return contestants.map((contestant) => cell('latency', { mix, rate }, contestant));
    }),
  );
  return { name: 'latency', title: 'Latency at a fixed rate', conditions: real, cells, rounds: count, seconds };
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
  const emulated = { ...real, emulatedCores: count === undefined ? null : Number(count) };
  const conditions = name === 'memory' ? memoryConditions : emulated;
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
