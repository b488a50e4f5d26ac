/** Which load generator drives: wrk where it is installed, since it takes the least CPU from the contestants. */

import { BenchFailure } from '../failure.ts';
import { AutocannonDriver } from './autocannon-driver.ts';
import type { Driver } from './driver.ts';
import { WrkDriver, wrkVersion } from './wrk-driver.ts';

export const driverNames = ['wrk', 'autocannon'] as const;
export type DriverName = (typeof driverNames)[number];

/**
 * @param wanted undefined: the best there is
 * @throws BenchFailure when it is not on this machine
 */
export function chosenDriver(wanted: DriverName | undefined): Driver {
  if (wanted === 'autocannon') return new AutocannonDriver();
  const version = wrkVersion();
  if (version !== undefined) return new WrkDriver(version);
  if (wanted === undefined) return new AutocannonDriver();
  throw new BenchFailure('wrk is not installed: `apt-get install wrk`, or take --driver autocannon.');
}
