/** `npm run soak -- --minutes N`: the random kills of the test suite, for as long as wanted. */

import { spawnSync } from 'node:child_process';
import { Command, InvalidArgumentError } from 'commander';

const { minutes } = new Command('soak')
  .description('Kills processes at random while shards come and go, and judges what clients saw.')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .option('--minutes <N>', 'for how long', minutesOf, 10)
  .parse()
  .opts<{ minutes: number }>();

const { status } = spawnSync('npx', ['vitest', 'run', 'test/process/random-kills.test.ts'], {
  stdio: 'inherit',
  env: { ...process.env, SHARDLITE_SOAK_MINUTES: String(minutes) },
});
process.exit(status ?? 1);

function minutesOf(text: string): number {
  const minutes = Number(text);
  if (!(minutes > 0 && minutes <= 10_000)) throw new InvalidArgumentError('It must be a number above 0.');
  return minutes;
}
