/** `npm run bench`: reads the options, runs the comparison, prints it. Exit codes as those of `shardctl`. */

import { Command, CommanderError, Option } from 'commander';
import { exitCodes } from '../src/cli/exit.ts';
import { chosenDriver, type DriverName, driverNames } from './drivers/driver-choice.ts';
import { BenchFailure } from './failure.ts';
import { compareQuickly } from './quick.ts';
import { reportOf } from './report.ts';

type Options = { readonly driver?: DriverName; readonly json?: boolean };

const interruptedExitCode = 130;

const program = new Command('npm run bench --')
  .description('Compares the service with one process without shards and with a bare HTTP server, on this machine.')
  .option('--quick', 'the whole comparison within a minute (the default, and so far the only one)')
  .addOption(
    new Option('--driver <NAME>', 'what sends the requests (default: wrk where installed)').choices(driverNames),
  )
  .option('--json', 'print one JSON object: every trial, the ratios, the machine')
  .allowExcessArguments(false)
  .showHelpAfterError('(npm run bench -- --help lists the options)')
  .exitOverride()
  .action(compare);

const interruption = new AbortController();
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

async function compare({ driver, json }: Options): Promise<void> {
  const result = await compareQuickly({
    driver: chosenDriver(driver),
    signal: interruption.signal,
    terminal: process.stderr,
  });
  console.log(json ? JSON.stringify(result) : reportOf(result));
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
