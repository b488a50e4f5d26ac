/**
 * Measures a section: starts its contestants, stores every key, warms up, and drives all cells in turns, so that what
 * disturbs the machine for some seconds disturbs all of them. Each round begins with another cell.
 */

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import {
  type Cell,
  type DataSetName,
  dataSets,
  idOf,
  type Mix,
  mixes,
  plainWorkload,
  type Workload,
} from '../cells/cell.ts';
import { contestantsOf, type Section } from '../cells/plan.ts';
import type { Process } from '../contestants/announcement.ts';
import { type Contestant, nameOf, titleOf } from '../contestants/contestant.ts';
import { type Running, startContestant } from '../contestants/start-contestant.ts';
import { cpuUsOf, machineCpuUs, ownCpuUs } from '../cpu-time.ts';
import { createControlGroup } from '../emulation/control-group.ts';
import { CpuShares } from '../emulation/cpu-shares.ts';
import { BenchFailure } from '../failure.ts';
import type { Drive, Driven } from '../load/drive.ts';
import { percentileMs } from '../load/histogram.ts';
import { sum } from '../statistics.ts';
import type { Laboratory } from './laboratory.ts';
import type { Trial } from './trial.ts';

export type CellResult = { readonly cell: Cell; readonly trials: readonly Trial[] };

/** What a contestant's processes had in memory at the end of a section: proportional set size, bytes by role. */
export type MemoryUse = {
  readonly contestant: string;
  readonly section: string;
  readonly bytes: Readonly<Record<string, number>>;
};

export type SectionResult = { readonly cells: readonly CellResult[]; readonly memory: readonly MemoryUse[] };

/** Compilers take about two seconds of load a process until they are done; storing the keys was one. */
const warmUpSecondsMin = 0.7;
const warmUpSecondsAProcess = 0.35;
const loadConnections = 128;
/** Beside the drive itself: starting the load generator, connecting, reading its result. */
const driveOverheadMs = 60;
const startExpectedMs = 2_500;
/** Of 100 bytes, into all contestants together. */
const storeExpectedMsPerKey = 0.12;
const storeExpectedMsPerMiB = 25;

/** How long it takes, more or less. Pure. */
export function expectedMsOf(section: Section): number {
  const contestants = contestantsOf(section);
  const storing = [...dataSetsOf(section)].map(({ keys, valueBytes }) =>
    Math.max(keys * storeExpectedMsPerKey, ((keys * valueBytes) / 2 ** 20) * storeExpectedMsPerMiB),
  );
  const driving = section.cells.length * section.rounds * (section.seconds * 1_000 + driveOverheadMs);
  return (
    startExpectedMs + sum(storing) * contestants.length * 0.6 + sum(contestants.map(warmUpSecondsOf)) * 1_000 + driving
  );
}

/** @throws BenchFailure when a contestant or a request failed */
export async function runSection(section: Section, laboratory: Laboratory): Promise<SectionResult> {
  const contestants = contestantsOf(section);
  const { memoryBytesMax, emulatedCores } = section.conditions;
  const groups = memoryBytesMax === null ? [] : contestants.map(() => memoryGroup(memoryBytesMax, laboratory));
  const running: Running[] = [];
  const shares = emulatedCores === null ? undefined : new CpuShares(emulatedCores);
  try {
    laboratory.say(`${section.title}: starting ${contestants.length} contestants`);
    for (const [index, contestant] of contestants.entries()) {
      laboratory.signal.throwIfAborted();
      running.push(await startContestant(contestant, { ...laboratory, group: groups[index] ?? null }));
    }
    await storeKeys(section, running, laboratory);
    const processes = new Map<Running, readonly Process[]>();
    for (const one of running) processes.set(one, await one.processes());
    await warmUp(section, running, laboratory);
    for (const ofOne of processes.values()) shares?.give(ofOne);
    const cells = await driveInTurns(section, processes, laboratory);
    return { cells, memory: running.map((one) => memoryUse(section, one, processes.get(one) ?? [])) };
  } catch (error) {
    // Whatever failed then failed because of it.
    throw running.find((one) => one.death() !== undefined)?.death() ?? error;
  } finally {
    await Promise.all(running.map((one) => one.stop()));
    shares?.remove();
    for (const group of groups) group.remove();
  }
}

function memoryGroup(bytes: number, { groupName }: Laboratory) {
  const group = createControlGroup('memory', groupName());
  if (group === null) throw new BenchFailure('No memory limit can be set here.');
  group.limitMemory(bytes);
  return group;
}

function dataSetsOf({ cells }: Section) {
  return new Set(cells.map(({ workload }) => dataSets[workload.dataSet]));
}

/** Not measured. Where clones wait for a lock by sleeping, some sleep for long beside others that are busy. */
const storingTimeoutMs = 300_000;

/** Into all at once: a slow contestant does not keep the others waiting. */
async function storeKeys(section: Section, running: readonly Running[], laboratory: Laboratory): Promise<void> {
  laboratory.say(`${section.title}: storing the keys`);
  for (const { keys: allKeys, valueBytes, prefix } of dataSetsOf(section)) {
    const keys = Math.ceil(allKeys * laboratory.keysShare);
    await Promise.all(
      running.map(async ({ port, contestant }) => {
        if (contestant.strategy === 'bare') return;
        const options = { port, keys, valueBytes, prefix, connections: loadConnections, readShare: 0, eachOnce: true };
        const driven = await laboratory.drive({ ...options, timeoutMs: storingTimeoutMs });
        if (driven.answered !== keys)
          throw new BenchFailure(`${titleOf(contestant)}: keys could not be stored. ${complaint(driven)}`);
      }),
    );
  }
}

/** Before they get less CPU: else their compilers would be measured. */
async function warmUp(section: Section, running: readonly Running[], laboratory: Laboratory): Promise<void> {
  laboratory.say(`${section.title}: warming up`);
  for (const { port, contestant } of running) {
    const workload = {
      ...plainWorkload,
      mix: contestant.strategy === 'bare' ? 'get' : 'a',
      dataSet: firstDataSet(section),
    } as const;
    await laboratory.drive({
      ...driveOf(workload, laboratory),
      port,
      seconds: warmUpSecondsOf(contestant) * laboratory.keysShare,
    });
  }
}

function warmUpSecondsOf({ fronts, backs }: Contestant): number {
  return Math.max(warmUpSecondsMin, (fronts + backs) * warmUpSecondsAProcess);
}

function firstDataSet({ cells }: Section): DataSetName {
  return (cells[0] as Cell).workload.dataSet;
}

function driveOf(
  { mix, distribution, dataSet, connections, rate }: Workload,
  { keysShare }: Laboratory,
): Omit<Drive, 'port' | 'seed'> {
  const { keys, prefix, valueBytes } = dataSets[dataSet];
  return {
    keys: Math.ceil(keys * keysShare),
    prefix,
    valueBytes,
    connections,
    distribution,
    rate,
    readShare: mixes[mix].readShare,
    ...shapeOf(mix),
  };
}

/** What is not a plain GET or PUT. Counters are keys of their own: a value of text is no number. */
function shapeOf(mix: Mix): Partial<Drive> {
  if (mix === 'counter') return { prefix: 'count-', incrementShare: 1, counterPath: '/v1/counters/' };
  return mix === 'conditional' || mix === 'list' || mix === 'batch' ? { shape: mix } : {};
}

async function driveInTurns(
  section: Section,
  processes: ReadonlyMap<Running, readonly Process[]>,
  laboratory: Laboratory,
): Promise<readonly CellResult[]> {
  const { cells, rounds, seconds, title } = section;
  const trials = new Map<Cell, Trial[]>(cells.map((cell) => [cell, []]));
  for (let round = 1; round <= rounds; round++) {
    const first = Math.floor(((round - 1) * cells.length) / rounds);
    for (const cell of [...cells.slice(first), ...cells.slice(0, first)]) {
      laboratory.signal.throwIfAborted();
      laboratory.say(`${title}, round ${round} of ${rounds}: ${idOf(cell)}`);
      trials.get(cell)?.push(await driveCell({ cell, round, seconds, processes, laboratory }));
    }
  }
  return cells.map((cell) => ({ cell, trials: trials.get(cell) ?? [] }));
}

type Turn = {
  readonly cell: Cell;
  readonly round: number;
  readonly seconds: number;
  readonly processes: ReadonlyMap<Running, readonly Process[]>;
  readonly laboratory: Laboratory;
};

async function driveCell({ cell, round, seconds, processes, laboratory }: Turn): Promise<Trial> {
  const [running, ownProcesses] =
    [...processes].find(([one]) => nameOf(one.contestant) === nameOf(cell.contestant)) ?? [];
  if (running === undefined || ownProcesses === undefined) throw new Error(`${idOf(cell)} has no contestant`);
  const everyPid = [...processes.values()].flat().map(({ pid }) => pid);
  running.disk.leastMs = cell.workload.diskMs;
  const before = { roles: cpuUsByRole(ownProcesses), ours: ownCpuUs() + cpuUsOf(everyPid), machine: machineCpuUs() };
  const syncsBefore = running.disk.syncs;
  const startedAtMs = performance.now();
  const driven = await laboratory.drive({ ...driveOf(cell.workload, laboratory), port: running.port, seconds });
  const tookUs = (performance.now() - startedAtMs) * 1_000;
  const after = { roles: cpuUsByRole(ownProcesses), ours: ownCpuUs() + cpuUsOf(everyPid), machine: machineCpuUs() };
  running.disk.leastMs = 0;
  checkAnswers(cell, driven);

  const roles = Object.keys(after.roles).map(
    (role) => [role, (after.roles[role] ?? 0) - (before.roles[role] ?? 0)] as const,
  );
  const latencyMs = (percentile: number) => percentileMs([driven.reads, driven.writes], percentile) ?? 0;
  const othersUs = after.machine - before.machine - (after.ours - before.ours);
  return {
    round,
    requestsPerS: (driven.answered * 1e6) / driven.durationUs,
    p50Ms: latencyMs(50),
    p99Ms: latencyMs(99),
    p999Ms: latencyMs(99.9),
    cpuUs: Object.fromEntries(
      [...roles, ['load', driven.cpuUs] as const].map(([role, us]) => [role, us / driven.answered]),
    ),
    errors: driven.failedStatus + driven.broken + driven.timedOut + driven.unsent,
    missing: driven.missing,
    corrupt: driven.corrupt,
    syncs: running.disk.syncs - syncsBefore,
    othersShare: Math.max(0, othersUs) / (tookUs * availableParallelism()),
  };
}

/** A figure with failures in it means nothing; only clones that forget are measured all the same, and judged. */
function checkAnswers({ contestant, workload }: Cell, driven: Driven): void {
  const failures = driven.failedStatus + driven.broken + (workload.rate === 0 ? driven.timedOut : 0);
  const isForgetful = contestant.strategy === 'cloned-memory';
  if (driven.answered === 0 || failures + driven.corrupt > 0 || (driven.missing > 0 && !isForgetful)) {
    throw new BenchFailure(`${titleOf(contestant)}: ${complaint(driven)}`);
  }
}

function complaint({ answered, failedStatus, broken, timedOut, missing, corrupt, firstFailure }: Driven): string {
  return [
    `${answered} requests were answered, ${failedStatus} with an error; ${broken} broke off, ${timedOut} had no answer in time;`,
    `${missing} reads found nothing, ${corrupt} something that nobody wrote. ${firstFailure}`,
  ].join(' ');
}

function cpuUsByRole(processes: readonly Process[]): Record<string, number> {
  const us: Record<string, number> = {};
  for (const { role, pid } of processes) us[role] = (us[role] ?? 0) + cpuUsOf([pid]);
  return us;
}

function memoryUse({ name }: Section, { contestant }: Running, processes: readonly Process[]): MemoryUse {
  const bytes: Record<string, number> = {};
  for (const { role, pid } of processes) bytes[role] = (bytes[role] ?? 0) + proportionalBytesOf(pid);
  return { contestant: nameOf(contestant), section: name, bytes };
}

/** What processes share counts in each by its part. */
function proportionalBytesOf(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'))?.[1] ?? 0) * 1024;
}
