/**
 * A whole run: every section after the other, then correctness, then what follows from the figures. Leaves no process
 * and no file behind, however it ends.
 */

import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { idOf, plainWorkload } from './cells/cell.ts';
import type { Found } from './cells/plan.ts';
import { type Abilities, anything, type RunPlan } from './cells/run-plan.ts';
import type { Contestant } from './contestants/contestant.ts';
import { redisVersion } from './contestants/redis.ts';
import { canLimit } from './emulation/control-group.ts';
import { emulatedCore } from './emulation/cpu-shares.ts';
import { describeMachine } from './machine.ts';
import { type Correctness, correctnessExpectedMs, correctnessOf } from './measure/correctness.ts';
import { type Laboratory, openLaboratory } from './measure/laboratory.ts';
import { expectedMsOf, type MemoryUse, runSection } from './measure/section-run.ts';
import { spreadOver } from './measure/trial.ts';
import { compileNative } from './native.ts';
import { bestLayoutOf, recommendationOf } from './recommendation.ts';
import { type Results, resultsSchema, type SectionResults, trialsOf } from './results.ts';
import { RunProgress } from './run-progress.ts';
import { targetResults } from './targets.ts';

export function abilities(): Abilities {
  return {
    cores: availableParallelism(),
    redis: redisVersion() !== undefined,
    cpuQuotas: canLimit('cpu'),
    memoryLimits: canLimit('memory'),
  };
}

export type RunOptions = {
  readonly plan: RunPlan;
  /** How to run this again. */
  readonly command: string;
  readonly signal: AbortSignal;
};

/** @throws BenchFailure when a contestant or a request failed: figures with failures in them mean nothing */
export async function run({ plan, command, signal }: RunOptions): Promise<Results> {
  const startedAt = new Date();
  // Now, since it takes long enough for somebody to go on working.
  const commit = commitOfCode();
  const seed = randomInt(2 ** 31);
  const directory = mkdtempSync(join(tmpdir(), 'shardlite-bench-'));
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  // Last resort, when the process ends in the middle.
  process.on('exit', removeDirectory);
  const progress = new RunProgress(expectedMs(plan));
  try {
    const native = compileNative(directory);
    const machine = describeMachine(directory);
    const say = (what: string) => progress.say(what);
    const laboratory = openLaboratory({ native, directory, seed, signal, say, keysShare: plan.keysShare });

    const sections: SectionResults[] = [];
    const memory: MemoryUse[] = [];
    const queue = [...plan.sections];
    let found: Found | null = null;
    for (let section = queue.shift(); section !== undefined; section = queue.shift()) {
      progress.begin(expectedMsOf(section));
      const result = await runSection(section, laboratory);
      memory.push(...result.memory);
      const { name, title, conditions, rounds, seconds } = section;
      const cells = result.cells.map((one) => ({ id: idOf(one.cell), ...one }));
      sections.push({ name, title, conditions, rounds, seconds, cells });
      if (found === null) {
        found = foundIn(sections);
        if (found !== null) queue.push(...plan.laterSections(found));
      }
    }
    const correctness = await judged(plan.correctness(found), plan, laboratory, progress);

    const usesEmulation = sections.some(({ conditions }) => conditions.emulatedCores !== null);
    return {
      ...{ schema: resultsSchema, command, scale: plan.scale, commit },
      ...{ startedAt: startedAt.toISOString(), tookMs: Date.now() - startedAt.getTime(), seed, machine },
      ...{ emulatedCore: usesEmulation ? emulatedCore : null, sections, memory, correctness },
      targets: found === null ? [] : targetResults({ sections, correctness, cores: machine.cores, found }),
      recommendation: recommendationOf(sections),
      skipped: plan.skipped,
    };
  } finally {
    progress.end();
    removeDirectory();
    process.off('exit', removeDirectory);
  }
}

/** Null where the first section did not measure enough to go on from. */
function foundIn(sections: readonly SectionResults[]): Found | null {
  const [partitioned, direct] = [bestLayoutOf(sections, 'forwarded'), bestLayoutOf(sections, 'direct')];
  if (partitioned === undefined || direct === undefined) return null;
  const [getsPerS, putsPerS] = (['get', 'put'] as const).map((mix) => {
    const cell = { section: 'strategies', workload: { ...plainWorkload, mix }, contestant: partitioned };
    const trials = trialsOf(sections, cell);
    return trials === undefined ? undefined : spreadOver(trials, (trial) => trial.requestsPerS).median;
  });
  return getsPerS === undefined || putsPerS === undefined ? null : { partitioned, direct, getsPerS, putsPerS };
}

async function judged(
  contestants: readonly Contestant[],
  { correctnessOptions }: RunPlan,
  laboratory: Laboratory,
  progress: RunProgress,
): Promise<readonly Correctness[]> {
  const verdicts: Correctness[] = [];
  for (const contestant of contestants) {
    laboratory.signal.throwIfAborted();
    progress.begin(correctnessExpectedMs(correctnessOptions));
    verdicts.push(await correctnessOf(contestant, correctnessOptions, laboratory));
  }
  return verdicts;
}

function expectedMs({ sections, laterSections, correctness, correctnessOptions }: RunPlan): number {
  const found = anything(availableParallelism());
  const judging = correctness(found).length * correctnessExpectedMs(correctnessOptions);
  return [...sections, ...laterSections(found)].reduce((total, section) => total + expectedMsOf(section), judging);
}

function commitOfCode(): string | null {
  try {
    const git = (args: string) =>
      execFileSync('git', args.split(' '), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const isChanged = git('status --porcelain --untracked-files=no') !== '';
    return git('rev-parse --short HEAD').trim() + (isChanged ? ', with changes' : '');
  } catch {
    return null;
  }
}
