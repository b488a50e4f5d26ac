/** `npm run bench`: reads the options, measures, writes the report, prints the summary. Exit codes as those of `shardctl`. */

import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError, Option } from 'commander';
import { exitCodes } from '../src/cli/exit.ts';
import { type RunPlan, runPlanOf, runPlanOfCells } from './cells/run-plan.ts';
import { BenchFailure } from './failure.ts';
import { summaryOf } from './report/terminal.ts';
import { writeReport } from './report/write-report.ts';
import type { Results } from './results.ts';
import { parsedResults } from './results-shape.ts';
import { abilities, run } from './run.ts';

type Options = {
  readonly quick?: boolean;
  readonly tiny?: boolean;
  readonly cell?: readonly string[];
  readonly output?: string;
  readonly json?: boolean;
  readonly from?: string;
};

const interruptedExitCode = 130;

const program = new Command('npm run bench --')
  .description('Compares partitioning with cloning on this machine, and writes a report: at most 25 minutes.')
  .option('--quick', 'the most telling part of it, within 3 minutes')
  .option('--cell <ID...>', 'only these cells, e.g. strategies/put/partitioned-1x2: the report lists them all')
  .option('--output <DIR>', 'where the report is written (default: bench/results/<time>)')
  .option('--json', 'print results.json instead of the summary')
  .option('--from <DIR>', 'measure nothing: write the report of this directory’s results.json anew')
  .addOption(new Option('--tiny', 'every step for a moment, to test the benchmark itself').hideHelp())
  .allowExcessArguments(false)
  .showHelpAfterError('(npm run bench -- --help lists the options)')
  .exitOverride()
  .action(compare);

const interruption = new AbortController();
// Each program that makes load listens to it.
setMaxListeners(0, interruption.signal);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait: what is running is killed.
    if (interruption.signal.aborted) process.exit(interruptedExitCode);
    interruption.abort();
  });
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

async function compare(options: Options): Promise<void> {
  const results =
    options.from === undefined
      ? await measured(options)
      : parsedResults(readFileSync(join(options.from, 'results.json'), 'utf8'));
  const directory = options.output ?? options.from ?? join('bench', 'results', timeText(results.startedAt));
  writeReport(directory, results);
  console.log(options.json ? JSON.stringify(results) : summaryOf(results));
  console.error(`The report is ${join(directory, 'report.md')}, and as a page ${join(directory, 'report.html')}.`);
}

function measured(options: Options): Promise<Results> {
  const typed = process.argv.slice(2);
  const command = ['npm run bench', ...(typed.length === 0 ? [] : ['--', ...typed])].join(' ');
  return run({ plan: planOf(options), command, signal: interruption.signal });
}

function planOf({ quick, tiny, cell }: Options): RunPlan {
  if (cell === undefined) return runPlanOf(tiny ? 'tiny' : quick ? 'quick' : 'full', abilities());
  const plan = runPlanOfCells(cell, abilities());
  if ('unknown' in plan)
    throw new BenchFailure(`There is no cell ${plan.unknown}: a report lists all of them at its end.`);
  return plan;
}

/** 2026-11-20T11:28:41.123Z → 2026-11-20-112841 */
function timeText(startedAt: string): string {
  return startedAt.slice(0, 19).replace('T', '-').replaceAll(':', '');
}

/** Says in one sentence what went wrong where the cause is known. */
function report(error: unknown): number {
  // Commander has written its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (interruption.signal.aborted) {
    console.error('bench: interrupted; everything that was started is stopped.');
    return interruptedExitCode;
  }
  if (error instanceof BenchFailure) {
    console.error(`bench: ${error.message}`);
    return exitCodes.failed;
  }
  throw error;
}
