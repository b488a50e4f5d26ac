/**
 * Everything that a run found, as `results.json` holds it. The report, the plots and the page are made from it and
 * from nothing else. Pure.
 */

import type { ServiceConfig } from '../src/config/service-config.ts';
import { type Cell, idOf } from './cells/cell.ts';
import type { Conditions } from './cells/plan.ts';
import type { Machine } from './machine.ts';
import type { Correctness } from './measure/correctness.ts';
import type { CellResult, MemoryUse } from './measure/section-run.ts';
import type { Trial } from './measure/trial.ts';
import type { Spread } from './statistics.ts';

/** Grows with every change that a reader of `results.json` must know of. */
export const resultsSchema = 'shardlite-bench/2';

export type SectionResults = {
  readonly name: string;
  readonly title: string;
  readonly conditions: Conditions;
  readonly rounds: number;
  readonly seconds: number;
  readonly cells: readonly (CellResult & { readonly id: string })[];
};

/** What was left out, and why, in a sentence. */
export type Skipped = { readonly what: string; readonly why: string };

export type TargetResult = {
  readonly title: string;
  readonly bound: 'at least' | 'at most';
  readonly wanted: number;
  /** In each round, ours by theirs; null where one of them was not measured. */
  readonly ratio: Spread | null;
  /** By the median; null where there is none. */
  readonly reached: boolean | null;
};

/** Settings of `shardctl start`, and the figures that speak for them. */
export type Recommendation = {
  readonly reads: ServiceConfig['reads'];
  readonly routers: number;
  readonly shards: number;
  readonly why: string;
};

export type Results = {
  readonly schema: typeof resultsSchema;
  /** How to make it again. */
  readonly command: string;
  readonly scale: string;
  /** Of the code; null where git does not say. */
  readonly commit: string | null;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly tookMs: number;
  readonly seed: number;
  readonly machine: Machine;
  /** What one emulated core is of a real one; null where none were emulated. */
  readonly emulatedCore: number | null;
  readonly sections: readonly SectionResults[];
  readonly memory: readonly MemoryUse[];
  readonly correctness: readonly Correctness[];
  readonly targets: readonly TargetResult[];
  readonly recommendation: Recommendation | null;
  readonly skipped: readonly Skipped[];
};

/** Undefined when it was not measured. */
export function trialsOf(sections: readonly SectionResults[], cell: Cell): readonly Trial[] | undefined {
  const id = idOf(cell);
  return sections.flatMap(({ cells }) => cells).find((one) => one.id === id)?.trials;
}
