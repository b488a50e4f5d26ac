/**
 * Cores that this machine does not have: each process of a contestant may use so much of a real core that eight of
 * them leave the load generator a core of its own. What it cannot show: processes on real cores never wait for one
 * another's share to come back, as a holder of SQLite's write lock may make others wait here.
 */

import { availableParallelism } from 'node:os';
import type { Process } from '../contestants/announcement.ts';
import { BenchFailure } from '../failure.ts';
import { type ControlGroup, createControlGroup } from './control-group.ts';

const emulatedCoresMax = 8;

/** Of a real core. */
export const emulatedCore = Math.min(1, Math.max(1, availableParallelism() - 1) / emulatedCoresMax);

let groupsMade = 0;

export class CpuShares {
  readonly #cores: number;
  readonly #groups: ControlGroup[] = [];

  /** @param cores that a contestant has */
  constructor(cores: number) {
    this.#cores = cores;
  }

  /** One core for each of these processes; one for all where there are no more. The primary, which only watches, apart. */
  give(processes: readonly Process[]): void {
    const working = processes.filter(({ role }) => role !== 'primary');
    const groups = Array.from({ length: Math.min(this.#cores, working.length) }, () => this.#core());
    for (const [index, { pid }] of working.entries()) groups[index % groups.length]?.add(pid);
  }

  /** Once the processes are gone. Idempotent. */
  remove(): void {
    for (const group of this.#groups) group.remove();
  }

  #core(): ControlGroup {
    const group = createControlGroup('cpu', `shardlite-bench-${process.pid}-core-${++groupsMade}`);
    if (group === null) throw new BenchFailure('No CPU quota can be set here.');
    this.#groups.push(group);
    group.limitCpu(emulatedCore);
    return group;
  }
}
