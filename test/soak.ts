/**
 * `npm run soak -- --minutes N`: first a week in half of the time, in which nothing may grow; then random kills while
 * shards come and go, with a judge of what clients saw. `--only week` or `--only kills` takes one of them, for all of it.
 */

import { spawnSync } from 'node:child_process';
import { Command, InvalidArgumentError, Option } from 'commander';

const parts = { week: 'test/process/week.test.ts', kills: 'test/process/random-kills.test.ts' } as const;
type Part = keyof typeof parts;

const { minutes, only } = new Command('soak')
  .description('Runs a service for long: nothing grows in a week, and no kill makes clients see what is not so.')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .option('--minutes <N>', 'for how long', minutesOf, 20)
  .addOption(new Option('--only <PART>', 'one part alone').choices(Object.keys(parts)))
  .parse()
  .opts<{ minutes: number; only?: Part }>();

const wanted: readonly Part[] = only === undefined ? ['week', 'kills'] : [only];
for (const part of wanted) {
  const { status } = spawnSync('npx', ['vitest', 'run', parts[part]], {
    stdio: 'inherit',
    env: { ...process.env, SHARDLITE_SOAK_MINUTES: String(minutes / wanted.length) },
  });
  if (status !== 0) process.exit(status ?? 1);
}

function minutesOf(text: string): number {
  const minutes = Number(text);
  if (!(minutes > 0 && minutes <= 10_000)) throw new InvalidArgumentError('It must be a number above 0.');
  return minutes;
}
