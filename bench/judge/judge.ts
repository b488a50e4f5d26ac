/**
 * Whether a store told its clients the truth, from what they saw and nothing else. Pure. It never accuses wrongly:
 * what it counts cannot be explained by any order of the requests in which each takes effect between its sending and
 * its answer. It does not find everything that such an order excludes; `test/support/linearizability.ts` does, on
 * histories a thousand times smaller.
 */

import type { Request } from './history.ts';

export type Verdict = {
  /** Requests that were judged. */
  readonly requests: number;
  /** Reads, while writes went on, of a value that was known to be overwritten when the read was sent. */
  readonly staleReads: number;
  /** Keys whose last acknowledged value was gone when everything was over. */
  readonly lostUpdates: number;
  /** Increments that were acknowledged, but are not in what the counters came to. */
  readonly lostIncrements: number;
  /** Reads of a value that nobody wrote under this key. */
  readonly inventedValues: number;
};

export type Evidence = {
  /** While clients wrote. */
  readonly during: readonly Request[];
  /** Reads of every key after the last write was answered or given up. */
  readonly after: readonly Request[];
};

export function verdictOn({ during, after }: Evidence): Verdict {
  const requests = [...during, ...after].sort((a, b) => compare(a.sentNs, b.sentNs));
  const afterwards = new Set(after);
  let [staleReads, lostUpdates, lostIncrements, inventedValues] = [0, 0, 0, 0];
  for (const ofKey of groupsByKey(requests)) {
    if (ofKey.some(({ kind }) => kind === 'increment')) {
      lostIncrements += lostIncrementsOf(ofKey);
      continue;
    }
    const faults = faultyReadsOf(ofKey);
    inventedValues += faults.invented.length;
    staleReads += faults.stale.filter((read) => !afterwards.has(read)).length;
    lostUpdates += faults.stale.some((read) => afterwards.has(read)) ? 1 : 0;
  }
  return { requests: requests.length, staleReads, lostUpdates, lostIncrements, inventedValues };
}

/** What is known of one value of a key; times in nanoseconds. */
type Written = {
  readonly sentNs: bigint;
  /** When its write was answered; never, when that is not known. */
  readonly answeredNs: bigint | null;
  /** From when on it was known to have been there: its answer, or the answer of the first read that saw it. */
  knownNs: bigint | null;
};

/** Before any write; every key starts empty. */
const nothing = 0n;

/** @param requests of one key in the order in which they were sent */
function faultyReadsOf(requests: readonly Request[]): { stale: readonly Request[]; invented: readonly Request[] } {
  const written = new Map<bigint, Written>([[nothing, { sentNs: 0n, answeredNs: 0n, knownNs: 0n }]]);
  for (const { kind, value, sentNs, answeredNs, outcome } of requests) {
    if (kind !== 'write') continue;
    const answered = outcome === 'done' ? answeredNs : null;
    written.set(value, { sentNs, answeredNs: answered, knownNs: answered });
  }
  const reads = requests.filter(({ kind, outcome }) => kind === 'read' && outcome === 'done');
  const invented = reads.filter(({ value }) => !written.has(value));
  for (const { value, answeredNs } of reads) {
    const seen = written.get(value);
    if (seen !== undefined && (seen.knownNs === null || answeredNs < seen.knownNs)) seen.knownNs = answeredNs;
  }

  // A value is overwritten for a read when another one, sent only after its own write was answered, was known to be
  // there before the read was sent. The latest sending among those known decides.
  const known = [...written.values()]
    .filter((one): one is Written & { knownNs: bigint } => one.knownNs !== null)
    .sort((a, b) => compare(a.knownNs, b.knownNs));
  let next = 0;
  let latestSentNs = 0n;
  const stale = reads.filter(({ value, sentNs }) => {
    for (let one = known[next]; one !== undefined && one.knownNs < sentNs; one = known[++next]) {
      if (one.sentNs > latestSentNs) latestSentNs = one.sentNs;
    }
    const answeredNs = written.get(value)?.answeredNs ?? null;
    return answeredNs !== null && latestSentNs > answeredNs;
  });
  return { stale, invented };
}

/**
 * Each acknowledged increment made the counter a number that no other one made it: where two were told the same
 * number, one of them is lost. The evidence ends with an increment of each counter, which a counter that went back
 * answers with a number that somebody was told before.
 */
function lostIncrementsOf(requests: readonly Request[]): number {
  const done = requests.filter(({ kind, outcome }) => kind === 'increment' && outcome === 'done');
  const told = new Set(done.map(({ value }) => value));
  return done.length - told.size;
}

function groupsByKey(requests: readonly Request[]): Iterable<readonly Request[]> {
  const groups = new Map<number, Request[]>();
  for (const request of requests) {
    const group = groups.get(request.key);
    if (group === undefined) groups.set(request.key, [request]);
    else group.push(request);
  }
  return groups.values();
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
