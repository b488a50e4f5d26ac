/** What every measurement needs around it: where to keep files, what to drive with, whom to tell how far it is. */

import { type Drive, type Driven, drive } from '../load/drive.ts';
import type { Native } from '../native.ts';

export type Laboratory = {
  /** For the contestants' data, on the disk that is measured. */
  readonly directory: string;
  readonly slowDiskLibrary: string;
  readonly signal: AbortSignal;
  /** Tells whoever watches what is being done. */
  readonly say: (what: string) => void;
  /** Each drive gets a seed of its own: other keys in another order, values that were never sent. */
  readonly drive: (options: Omit<Drive, 'seed'>) => Promise<Driven>;
  /** Of the keys that a data set has, and of the warm-up; 1 but where the benchmark itself is tested. */
  readonly keysShare: number;
  /** For a control group that nobody else has. */
  readonly groupName: () => string;
};

export type LaboratoryOptions = Pick<Laboratory, 'directory' | 'signal' | 'say' | 'keysShare'> & {
  readonly native: Native;
  readonly seed: number;
};

export function openLaboratory({ native, seed, ...options }: LaboratoryOptions): Laboratory {
  let drives = 0;
  let groups = 0;
  return {
    ...options,
    slowDiskLibrary: native.slowDiskLibrary,
    drive: (one) => drive(native.loadProgram, { ...one, seed: (seed + ++drives) % 2 ** 32 }, options.signal),
    groupName: () => `shardlite-bench-${process.pid}-${++groups}`,
  };
}
