/** From what somebody typed and what this machine can do to what is measured, and what is left out and why. Pure. */

import type { Contestant } from '../contestants/contestant.ts';
import type { CorrectnessOptions } from '../measure/correctness.ts';
import type { Skipped } from '../results.ts';
import { type Cell, cellOf, contestantOf } from './cell.ts';
import {
  contestantsOf,
  type Found,
  firstSection,
  laterSections,
  layoutsFor,
  type Scale,
  type Section,
  sectionOfCells,
} from './plan.ts';

export type RunPlan = {
  readonly scale: Scale | 'cells';
  readonly sections: readonly Section[];
  /** Further ones, which depend on what the first one found. */
  readonly laterSections: (found: Found) => readonly Section[];
  readonly correctness: (found: Found | null) => readonly Contestant[];
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
  quick: { seconds: 0.6, rate: 2_000 },
  full: { seconds: 3, rate: 4_000 },
};

export function runPlanOf(scale: Scale, abilities: Abilities): RunPlan {
  const { cores } = abilities;
  const { group, commit, redis, http, ipc, memory } = layoutsFor(cores);
  return possible(
    {
      scale,
      sections: [firstSection(scale, cores)],
      laterSections: (found) => laterSections(scale, cores, found),
      correctness: (found) => {
        const { partitioned, direct } = found ?? anything(cores);
        if (scale === 'tiny') return [direct, memory];
        const few = [partitioned, direct, group, redis, commit, memory];
        return scale === 'quick' ? few : [...few, http, ipc];
      },
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
      laterSections: () => [],
      correctness: () => correctness,
      correctnessOptions: correctnessOptions.full,
      keysShare: 1,
      skipped: [],
    },
    abilities,
  );
}

function possible(plan: RunPlan, abilities: Abilities): RunPlan {
  const { redis, cpuQuotas, memoryLimits, cores } = abilities;
  const skipped: Skipped[] = [];
  const isLeftOut = (what: string, why: string) => skipped.push({ what, why });
  if (!redis) isLeftOut('cloned over Redis', 'redis-server is not installed (Debian: apt-get install redis-server).');
  const conditions = [...plan.sections, ...plan.laterSections(anything(cores))].map((section) => section.conditions);
  if (!cpuQuotas && conditions.some(({ emulatedCores }) => emulatedCores !== null)) {
    const why = `CPU quotas need Linux control groups and root; the curve ends at this machine's ${cores} real cores.`;
    isLeftOut('emulated cores', why);
  }
  if (!memoryLimits && conditions.some(({ memoryBytesMax }) => memoryBytesMax !== null)) {
    isLeftOut('data larger than memory', 'memory limits need Linux control groups and root.');
  }
  const possibleSections = (sections: readonly Section[]) =>
    sections.flatMap((section) => possibleSection(section, abilities)).filter((one) => contestantsOf(one).length > 0);
  return {
    ...plan,
    sections: possibleSections(plan.sections),
    laterSections: (found) => possibleSections(plan.laterSections(found)),
    correctness: (found) => plan.correctness(found).filter(({ strategy }) => redis || strategy !== 'cloned-redis'),
    skipped,
  };
}

/** As it can be measured here, or not at all. */
function possibleSection(section: Section, { redis, cpuQuotas, memoryLimits, cores }: Abilities): readonly Section[] {
  const { emulatedCores, memoryBytesMax } = section.conditions;
  if (memoryBytesMax !== null && !memoryLimits) return [];
  if (emulatedCores !== null && !cpuQuotas && emulatedCores > cores) return [];
  const conditions = { ...section.conditions, emulatedCores: cpuQuotas ? emulatedCores : null };
  const cells = section.cells.filter(({ contestant }) => redis || contestant.strategy !== 'cloned-redis');
  return [{ ...section, conditions, cells }];
}

/** Before the first section has found anything: enough to know which sections will follow and how long they take. */
export function anything(cores: number): Found {
  const { partitioned, direct } = layoutsFor(cores);
  return {
    partitioned: partitioned[0] as Contestant,
    direct: direct[0] as Contestant,
    ...{ getsPerS: 10_000, putsPerS: 10_000 },
  };
}
