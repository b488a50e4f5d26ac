/** What clients felt of a worker's death, from what they saw and nothing else. Pure. */

import type { Request } from './history.ts';

const msPerNs = 1e-6;
/** A read that takes longer was waiting for the worker. */
export const inTimeMs = 50;

export type ReadsMeanwhile = {
  /** Of keys that the dead worker has. */
  readonly reads: number;
  /** Of these, answered within `inTimeMs`. */
  readonly inTime: number;
};

export type Death = {
  readonly atNs: bigint;
  /** Whether nobody else has what lies under this key. */
  readonly isOwn: (key: number) => boolean;
};

/** Of the reads that were sent from its death until it first answered a write again, or until the end. */
export function readsMeanwhile(history: readonly Request[], { atNs, isOwn }: Death): ReadsMeanwhile {
  const concerned = history.filter(({ key, sentNs }) => isOwn(key) && sentNs > atNs);
  const answers = concerned
    .filter(({ kind, outcome }) => kind === 'write' && outcome === 'done')
    .map(({ answeredNs }) => answeredNs);
  const backNs = answers.reduce<bigint | null>((first, at) => (first === null || at < first ? at : first), null);
  const reads = concerned.filter(({ kind, sentNs }) => kind === 'read' && (backNs === null || sentNs < backNs));
  const inTime = reads.filter((read) => read.outcome === 'done' && tookMs(read) <= inTimeMs);
  return { reads: reads.length, inTime: inTime.length };
}

/** The longest time in which no client had any answer; all of it where there was none. */
export function longestGapMs(history: readonly Request[]): number {
  const ends = history.flatMap(({ sentNs, answeredNs }) => [sentNs, answeredNs]);
  if (ends.length === 0) return 0;
  const answers = history.filter(({ outcome }) => outcome === 'done').map(({ answeredNs }) => answeredNs);
  const [first, ...rest] = [...answers, ends.reduce(least), ends.reduce(most)].sort((a, b) => Number(a - b));
  let before = first as bigint;
  let longestNs = 0n;
  for (const at of rest) {
    longestNs = most(longestNs, at - before);
    before = at;
  }
  return Number(longestNs) * msPerNs;
}

function tookMs({ sentNs, answeredNs }: Request): number {
  return Number(answeredNs - sentNs) * msPerNs;
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function most(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
