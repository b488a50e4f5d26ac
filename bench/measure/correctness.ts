/**
 * Puts each strategy before the judge: clients read and write a few hot keys, then increment shared counters, then go
 * on while a worker is killed; afterwards every key is read again. Rates are moderate, since it is not speed that is
 * asked for here.
 */

import { join } from 'node:path';
import type { Process } from '../contestants/announcement.ts';
import { type Contestant, isMeantDurable, nameOf, titleOf } from '../contestants/contestant.ts';
import { type Running, startContestant } from '../contestants/start-contestant.ts';
import { BenchFailure } from '../failure.ts';
import { historyOf, type Request } from '../judge/history.ts';
import { type Verdict, verdictOn } from '../judge/judge.ts';
import { longestGapMs, type ReadsMeanwhile, readsMeanwhile } from '../judge/outage.ts';
import { type Driven, keyText } from '../load/drive.ts';
import { type Durability, durabilityOf } from './durability.ts';
import type { Laboratory } from './laboratory.ts';

export type Correctness = {
  readonly contestant: string;
  /** Null where nothing is meant to be durable. */
  readonly durability: Durability | null;
  /** Hot keys, half reads. */
  readonly registers: Verdict;
  /** A few counters that all clients increment. */
  readonly counters: Verdict;
  /** While one worker is killed with SIGKILL. */
  readonly kill: Kill;
};

type Kill = {
  readonly killed: string;
  readonly verdict: Verdict;
  readonly requests: number;
  /** Requests that were answered with an error, late, or not at all. */
  readonly errors: number;
  /** The longest time in which no client had an answer. */
  readonly longestGapMs: number;
  /** Whether it served all keys again at the end. */
  readonly recovered: boolean;
  /** Null where no keys are the killed worker's alone. */
  readonly readsMeanwhile: ReadsMeanwhile | null;
};

export type CorrectnessOptions = { readonly seconds: number; readonly rate: number };

/** Before a counter's key, in the REST API. */
const counterPath = '/v1/counters/';
const hotKeys = 200;
const counters = 4;
const connections = 16;
const valueBytes = 100;
/** Enough for a read to meet each of several clones. */
const auditPasses = 3;
const killTimeoutMs = 2_000;
const afterDeathMs = 300;

/** One at a time is up: nothing else moves its figures. */
export function correctnessExpectedMs({ seconds }: CorrectnessOptions): number {
  return 2_300 + seconds * 1_000 * 2.5 + 500;
}

export async function correctnessOf(
  contestant: Contestant,
  options: CorrectnessOptions,
  laboratory: Laboratory,
): Promise<Correctness> {
  laboratory.say(`Correctness: ${titleOf(contestant)}`);
  const running = await startContestant(contestant, laboratory);
  try {
    const durability = isMeantDurable(contestant) ? await durabilityOf(running, laboratory) : null;
    return {
      contestant: nameOf(contestant),
      durability,
      registers: await judgeRegisters(running, options, laboratory),
      counters: await judgeCounters(running, options, laboratory),
      // Last, since not every contestant is whole afterwards.
      kill: await judgeKill(running, options, laboratory),
    };
  } finally {
    await running.stop();
  }
}

async function judgeRegisters(
  { port }: Running,
  { seconds, rate }: CorrectnessOptions,
  laboratory: Laboratory,
): Promise<Verdict> {
  const load = { ...common(port), prefix: 'hot-', keys: hotKeys, readShare: 0.5, distribution: 'zipfian' as const };
  const { history } = await observed({ ...load, seconds, rate }, laboratory);
  return verdictOn({ during: history, after: await audit({ ...common(port), prefix: 'hot-' }, laboratory) });
}

async function judgeCounters(
  running: Running,
  { seconds, rate }: CorrectnessOptions,
  laboratory: Laboratory,
): Promise<Verdict> {
  const load = {
    ...common(running.port),
    prefix: 'counter-',
    keys: counters,
    readShare: 0,
    incrementShare: 1,
    counterPath,
  };
  const { history, driven } = await observed({ ...load, seconds: seconds / 2, rate }, laboratory);
  if (driven.answered === 0)
    throw new BenchFailure(`${titleOf(running.contestant)} does not count: ${driven.firstFailure}`);
  const last = await observed({ ...load, connections: 1, eachOnce: true }, laboratory);
  return verdictOn({ during: history, after: last.history });
}

async function judgeKill(
  running: Running,
  { seconds, rate }: CorrectnessOptions,
  laboratory: Laboratory,
): Promise<Kill> {
  const { port } = running;
  const load = { ...common(port), prefix: 'kill-', keys: hotKeys, timeoutMs: killTimeoutMs };
  const victim = await victimOf(running);
  const isOwn = await running.keysOf(victim);
  const half = { ...load, seconds, rate: rate / 2 };
  // Readers have connections of their own: where writes wait, those of the others are soon all taken.
  const [mixed, readers, killedAtNs] = await Promise.all([
    observed({ ...half, readShare: 0.5 }, laboratory),
    observed({ ...half, readShare: 1 }, laboratory),
    later((seconds * 1_000) / 3, () => kill(victim)),
  ]);
  await later(afterDeathMs, () => {});
  const after = await audit(load, laboratory).catch(() => []);
  const during = [...mixed.history, ...readers.history];
  const errors = errorsOf(mixed.driven) + errorsOf(readers.driven);
  const own = isOwn && ((key: number) => isOwn(keyText(load.prefix, key)));
  return {
    killed: victim.role,
    verdict: verdictOn({ during, after }),
    requests: mixed.driven.answered + readers.driven.answered + errors,
    errors,
    longestGapMs: longestGapMs(during),
    recovered: after.length > 0 && after.every(({ outcome }) => outcome === 'done'),
    readsMeanwhile: own && readsMeanwhile(during, { atNs: killedAtNs, isOwn: own }),
  };
}

function errorsOf({ failedStatus, broken, timedOut, unsent }: Driven): number {
  return failedStatus + broken + timedOut + unsent;
}

/** On the clock of the load generator. */
function kill({ pid }: Process): bigint {
  process.kill(pid, 'SIGKILL');
  return process.hrtime.bigint();
}

/** A worker with data where there is one; else a clone, or the one process that there is. */
async function victimOf({ processes }: Running): Promise<Process> {
  const all = await processes();
  const victim = ['shard', 'clone', 'single'].flatMap((role) => all.filter((one) => one.role === role))[0] ?? all[0];
  if (victim === undefined) throw new Error('There is no process to kill');
  return victim;
}

function common(port: number) {
  return { port, connections, valueBytes };
}

type Load = Parameters<Laboratory['drive']>[0];

async function audit(
  load: Pick<Load, 'port' | 'connections' | 'valueBytes' | 'prefix' | 'timeoutMs'>,
  laboratory: Laboratory,
) {
  const reads: Request[] = [];
  for (let pass = 0; pass < auditPasses; pass++) {
    const { history } = await observed({ ...load, keys: hotKeys, readShare: 1, eachOnce: true }, laboratory);
    reads.push(...history);
  }
  return reads;
}

let logs = 0;

async function observed(load: Load, laboratory: Laboratory): Promise<{ history: readonly Request[]; driven: Driven }> {
  const log = join(laboratory.directory, `history-${++logs}`);
  const driven = await laboratory.drive({ ...load, log });
  return { history: historyOf(log), driven };
}

function later<T>(delayMs: number, what: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    setTimeout(() => {
      try {
        resolve(what());
      } catch (error) {
        reject(error);
      }
    }, delayMs);
  });
}
