/** From what somebody typed and what this machine can do to what is measured, and what is left out and why. Pure. */

import type { Contestant } from '../contestants/contestant.ts';
import type { CorrectnessOptions } from '../measure/correctness.ts';
import type { Skipped } from '../results.ts';
import { type Cell, cellOf, contestantOf } from './cell.ts';
import { contestantsOf, layoutsFor, type Scale, type Section, sectionOfCells, sectionsOf } from './plan.ts';

export type RunPlan = {
  readonly scale: Scale | 'cells';
  readonly sections: readonly Section[];
  /** Whether latency is measured at shares of what the first section found. */
  readonly withLatency: boolean;
  readonly correctness: readonly Contestant[];
  readonly correctnessOptions: CorrectnessOptions;
  /** 1; less makes a run shorter and its figures meaningless. */
  readonly keysShare: number;
  readonly skipped: readonly Skipped[];
};

export type Abilities = {
  readonly cores: number;
  readonly redis: boolean;
  /** Control groups of this user. */
  readonly cpuQuotas: boolean;
  readonly memoryLimits: boolean;
};

const correctnessOptions: Record<Scale, CorrectnessOptions> = {
  tiny: { seconds: 0.6, rate: 1_000 },
  quick: { seconds: 1, rate: 2_000 },
  full: { seconds: 3, rate: 4_000 },
};

export function runPlanOf(scale: Scale, abilities: Abilities): RunPlan {
  const { partitioned, group, commit, redis, http, ipc, memory } = layoutsFor(abilities.cores);
  const all = [partitioned, group, redis, commit, http, ipc, memory];
  return possible(
    {
      scale,
      sections: sectionsOf(scale, abilities.cores),
      withLatency: true,
      correctness: scale === 'tiny' ? [partitioned, memory] : all,
      correctnessOptions: correctnessOptions[scale],
      keysShare: scale === 'tiny' ? 0.02 : 1,
      skipped: [],
    },
    abilities,
  );
}

/** `strategies/put/partitioned-1x2` or `correctness/cloned-memory-2`; the one that is neither when there is one. */
export function runPlanOfCells(ids: readonly string[], abilities: Abilities): RunPlan | { readonly unknown: string } {
  const cells: Cell[] = [];
  const correctness: Contestant[] = [];
  for (const id of ids) {
    const judged = /^correctness\/(.+)$/.exec(id)?.[1];
    const contestant = judged === undefined ? undefined : contestantOf(judged);
    const cell = cellOf(id);
    if (contestant !== undefined) correctness.push(contestant);
    else if (cell !== undefined) cells.push(cell);
    else return { unknown: id };
  }
  const names = [...new Set(cells.map(({ section }) => section))];
  return possible(
    {
      scale: 'cells',
      sections: names.map((name) =>
        sectionOfCells(
          cells.filter(({ section }) => section === name),
          1,
        ),
      ),
      withLatency: false,
      correctness,
      correctnessOptions: correctnessOptions.full,
      keysShare: 1,
      skipped: [],
    },
    abilities,
  );
}

function possible(plan: RunPlan, { redis, cpuQuotas, memoryLimits, cores }: Abilities): RunPlan {
  const skipped: Skipped[] = [];
  let sections = plan.sections;
  if (!redis) {
    skipped.push({
      what: 'cloned over Redis',
      why: 'redis-server is not installed (Debian: apt-get install redis-server).',
    });
    sections = sections.map(withoutRedis);
  }
  if (!cpuQuotas && sections.some(({ conditions }) => conditions.emulatedCores !== null)) {
    skipped.push({
      what: 'emulated cores',
      why: `CPU quotas need Linux control groups and root: the curve ends at this machine's ${cores} real cores.`,
    });
    sections = sections.flatMap((section) => {
      const { emulatedCores } = section.conditions;
      if (emulatedCores === null) return [section];
      return emulatedCores > cores ? [] : [{ ...section, conditions: { ...section.conditions, emulatedCores: null } }];
    });
  }
  if (!memoryLimits && sections.some(({ conditions }) => conditions.memoryBytesMax !== null)) {
    skipped.push({ what: 'data larger than memory', why: 'memory limits need Linux control groups and root.' });
    sections = sections.filter(({ conditions }) => conditions.memoryBytesMax === null);
  }
  const correctness = redis ? plan.correctness : plan.correctness.filter(({ strategy }) => strategy !== 'cloned-redis');
  return { ...plan, sections: sections.filter((one) => contestantsOf(one).length > 0), correctness, skipped };
}

export function withoutRedis(section: Section): Section {
  return { ...section, cells: section.cells.filter(({ contestant }) => contestant.strategy !== 'cloned-redis') };
}
