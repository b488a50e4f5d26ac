/**
 * Cores that this machine does not have: each process of a contestant may use so much of a real core that eight of
 * them leave the load generator a core of its own, and all of them together no more than the contestant's cores,
 * however many they are. What it cannot show: processes on real cores never wait for one
 * another's share to come back, as a holder of SQLite's write lock may make others wait here.
 */

import { availableParallelism } from 'node:os';
import type { Process } from '../contestants/announcement.ts';
import { BenchFailure } from '../failure.ts';
import { type ControlGroup, createControlGroup } from './control-group.ts';

const emulatedCoresMax = 8;

/** Of a real core. */
export const emulatedCore = Math.min(1, Math.max(1, availableParallelism() - 1) / emulatedCoresMax);

/** Numbers groups, so that no two have the same name. */
let groupsMade = 0;

export class CpuShares {
  readonly #cores: number;
  /** Those within others behind them. */
  readonly #groups: ControlGroup[] = [];

  /** @param cores that a contestant has */
  constructor(cores: number) {
    this.#cores = cores;
  }

  /** To all processes of a contestant. */
  give(processes: readonly Process[]): void {
    const together = this.#group((name) => createControlGroup('cpu', name), this.#cores);
    for (const { pid } of processes) this.#group((name) => together.within(name), 1).add(pid);
  }

  /** Once the processes are gone. Idempotent. */
  remove(): void {
    for (const group of this.#groups.toReversed()) group.remove();
  }

  #group(create: (name: string) => ControlGroup | null, cores: number): ControlGroup {
    const group = create(`shardlite-bench-${process.pid}-cores-${++groupsMade}`);
    if (group === null) throw new BenchFailure('No CPU quota can be set here.');
    this.#groups.push(group);
    group.limitCpu(cores * emulatedCore);
    return group;
  }
}
