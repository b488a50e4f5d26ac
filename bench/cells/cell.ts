/**
 * What is measured: a cell is one workload at one contestant under one condition of the machine. Its id says all of
 * that, so that anybody can run it again: `cores-8/put-1KiB-disk5ms@4000/partitioned-4x4`. Pure.
 */

import { type Contestant, nameOf, type Strategy, strategies } from '../contestants/contestant.ts';

/** YCSB's A, B and C (C is `get`), writes only, and what the data API has besides. */
export const mixes = {
  get: { readShare: 1, title: 'GET' },
  b: { readShare: 0.95, title: 'YCSB B, 95 % reads' },
  a: { readShare: 0.5, title: 'YCSB A, half reads' },
  put: { readShare: 0, title: 'PUT' },
  conditional: { readShare: 0, title: 'PUT if there is a value' },
  counter: { readShare: 0, title: 'counter' },
  list: { readShare: 1, title: 'page of 100 keys' },
  batch: { readShare: 0, title: 'batch of 100 PUTs' },
} as const;

/** PUTs of one `batch`. */
export const batchOperations = 100;

export type Mix = keyof typeof mixes;

/** How many keys there are with values of a size, all stored before anything is measured. */
export const dataSets = {
  '100B': { valueBytes: 100, keys: 30_000, prefix: 'user-' },
  '1KiB': { valueBytes: 1_024, keys: 20_000, prefix: 'kib-' },
  '16KiB': { valueBytes: 16_384, keys: 4_000, prefix: 'large-' },
  /** 512 MiB, of the section `memory`, whose contestants may have less. */
  huge: { valueBytes: 16_384, keys: 32_000, prefix: 'huge-' },
} as const;

export type DataSetName = keyof typeof dataSets;

export type Workload = {
  readonly mix: Mix;
  readonly distribution: 'uniform' | 'zipfian';
  readonly dataSet: DataSetName;
  readonly connections: number;
  /** A sync takes at least so many milliseconds; 0: as fast as the disk is. */
  readonly diskMs: number;
  /** Requests a second with intended start times; 0: saturation. */
  readonly rate: number;
};

export const plainWorkload: Workload = {
  ...{ mix: 'put', distribution: 'uniform', dataSet: '100B', connections: 64, diskMs: 0, rate: 0 },
};

export type Cell = {
  /** Cells of a section run in turns, all their contestants being up. */
  readonly section: string;
  readonly workload: Workload;
  readonly contestant: Contestant;
};

export function idOf({ section, workload, contestant }: Cell): string {
  return `${section}/${workloadName(workload)}/${nameOf(contestant)}`;
}

export function workloadName({ mix, distribution, dataSet, connections, diskMs, rate }: Workload): string {
  const parts = [
    mix,
    ...(distribution === 'uniform' ? [] : [distribution]),
    ...(dataSet === '100B' ? [] : [dataSet]),
    ...(connections === 64 ? [] : [`${connections}c`]),
    ...(diskMs === 0 ? [] : [`disk${diskMs}ms`]),
  ];
  return parts.join('-') + (rate === 0 ? '' : `@${rate}`);
}

/** In words, without what is as everywhere. */
export function workloadTitle({ mix, distribution, dataSet, connections, diskMs, rate }: Workload): string {
  const parts = [
    mixes[mix].title,
    ...(distribution === 'uniform' ? [] : ['Zipfian keys']),
    ...(dataSet === '100B' ? [] : [dataSet === 'huge' ? '512 MiB of data' : dataSet.replace('KiB', ' KiB')]),
    ...(connections === 64 ? [] : [`${connections} connections`]),
    ...(diskMs === 0 ? [] : [`sync ≥ ${diskMs} ms`]),
    ...(rate === 0 ? [] : [`${rate.toLocaleString('en-US')}/s`]),
  ];
  return parts.join(', ');
}

/** The inverse of `idOf`; undefined when it is no such id. */
export function cellOf(id: string): Cell | undefined {
  const [section, workloadText, contestantText, ...rest] = id.split('/');
  if (!section || workloadText === undefined || contestantText === undefined || rest.length > 0) return undefined;
  const workload = workloadOf(workloadText);
  const contestant = contestantOf(contestantText);
  return workload && contestant && { section, workload, contestant };
}

function workloadOf(text: string): Workload | undefined {
  const [shape = '', rate = '0'] = text.split('@');
  const [mix = '', ...parts] = shape.split('-');
  if (!Object.hasOwn(mixes, mix) || !/^\d+$/.test(rate)) return undefined;
  let workload: Workload = { ...plainWorkload, mix: mix as Mix, rate: Number(rate) };
  for (const part of parts) {
    const connections = /^(\d+)c$/.exec(part)?.[1];
    const diskMs = /^disk([\d.]+)ms$/.exec(part)?.[1];
    if (part === 'zipfian') workload = { ...workload, distribution: part };
    else if (Object.hasOwn(dataSets, part)) workload = { ...workload, dataSet: part as DataSetName };
    else if (connections !== undefined) workload = { ...workload, connections: Number(connections) };
    else if (diskMs !== undefined) workload = { ...workload, diskMs: Number(diskMs) };
    else return undefined;
  }
  return workload;
}

/** The inverse of `nameOf`. */
export function contestantOf(text: string): Contestant | undefined {
  const [, strategy = '', fronts = '1', backs = '0'] = /^([a-z-]+?)(?:-(\d+)(?:x(\d+))?)?$/.exec(text) ?? [];
  if (!Object.hasOwn(strategies, strategy)) return undefined;
  return { strategy: strategy as Strategy, fronts: Number(fronts), backs: Number(backs) };
}
