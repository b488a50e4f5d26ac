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
import { latencySection, layoutsFor, type Section } from './cells/plan.ts';
import { type Abilities, type RunPlan, withoutRedis } from './cells/run-plan.ts';
import { redisVersion } from './contestants/redis.ts';
import { canLimit } from './emulation/control-group.ts';
import { emulatedCore } from './emulation/cpu-shares.ts';
import { describeMachine } from './machine.ts';
import { type Correctness, correctnessExpectedMs, correctnessOf } from './measure/correctness.ts';
import { type Laboratory, openLaboratory } from './measure/laboratory.ts';
import { expectedMsOf, type MemoryUse, runSection } from './measure/section-run.ts';
import { spreadOver } from './measure/trial.ts';
import { compileNative } from './native.ts';
import { recommendationOf } from './recommendation.ts';
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
    for await (const section of sectionsInTurn(plan, sections)) {
      progress.begin(expectedMsOf(section));
      const result = await runSection(section, laboratory);
      memory.push(...result.memory);
      const { name, title, conditions, rounds, seconds } = section;
      const cells = result.cells.map((one) => ({ id: idOf(one.cell), ...one }));
      sections.push({ name, title, conditions, rounds, seconds, cells });
    }
    const correctness = await judged(plan, laboratory, progress);

    const usesEmulation = sections.some(({ conditions }) => conditions.emulatedCores !== null);
    return {
      ...{ schema: resultsSchema, command, scale: plan.scale, commit: commitOfCode() },
      ...{ startedAt: startedAt.toISOString(), tookMs: Date.now() - startedAt.getTime(), seed, machine },
      ...{ emulatedCore: usesEmulation ? emulatedCore : null, sections, memory, correctness },
      targets: targetResults(sections, machine.cores),
      recommendation: recommendationOf(sections),
      skipped: plan.skipped,
    };
  } finally {
    progress.end();
    removeDirectory();
    process.off('exit', removeDirectory);
  }
}

/** The section of latencies comes when it is known which rates are worth asking for. */
async function* sectionsInTurn(plan: RunPlan, done: readonly SectionResults[]): AsyncGenerator<Section> {
  for (const [index, section] of plan.sections.entries()) {
    yield section;
    if (index === 0 && plan.withLatency && plan.scale !== 'cells') {
      const latency = latencySection(plan.scale, availableParallelism(), throughputFound(done));
      yield plan.skipped.some(({ what }) => what === 'cloned over Redis') ? withoutRedis(latency) : latency;
    }
  }
}

function throughputFound(sections: readonly SectionResults[]): { readonly get: number; readonly put: number } {
  const { partitioned } = layoutsFor(availableParallelism());
  const found = (mix: 'get' | 'put') => {
    const cell = { section: 'strategies', workload: { ...plainWorkload, mix }, contestant: partitioned };
    return spreadOver(trialsOf(sections, cell) ?? [], (trial) => trial.requestsPerS).median;
  };
  return { get: found('get'), put: found('put') };
}

async function judged(plan: RunPlan, laboratory: Laboratory, progress: RunProgress): Promise<readonly Correctness[]> {
  const verdicts: Correctness[] = [];
  for (const contestant of plan.correctness) {
    laboratory.signal.throwIfAborted();
    progress.begin(correctnessExpectedMs(plan.correctnessOptions));
    verdicts.push(await correctnessOf(contestant, plan.correctnessOptions, laboratory));
  }
  return verdicts;
}

function expectedMs({ sections, withLatency, scale, correctness, correctnessOptions }: RunPlan): number {
  const latency =
    withLatency && scale !== 'cells' ? [latencySection(scale, availableParallelism(), { get: 1e4, put: 1e4 })] : [];
  const judging = correctness.length * correctnessExpectedMs(correctnessOptions);
  return [...sections, ...latency].reduce((total, section) => total + expectedMsOf(section), judging);
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
