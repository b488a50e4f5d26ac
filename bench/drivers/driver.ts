/** What a load generator is to the benchmark. Pure types. */

import type { Method } from '../workload.ts';

/** One stretch of load: all connections busy with random keys, each with one request at a time. */
export type Drive = {
  readonly method: Method;
  readonly url: string;
  /** Whole seconds. */
  readonly seconds: number;
  /** Another one for each drive: keys come in another order, and no value was ever sent before. */
  readonly seed: number;
  /** Where the driver may keep files while it drives. */
  readonly directory: string;
  readonly signal: AbortSignal;
};

export type Driven = {
  readonly requests: number;
  readonly durationMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
};

export interface Driver {
  /** With its version, e.g. `wrk 4.1.0`. */
  readonly name: string;
  /** What to bear in mind when reading its figures. */
  readonly caveat: string | null;
  /** @throws BenchFailure when a single request failed: figures with failures in them mean nothing */
  drive(drive: Drive): Promise<Driven>;
}
