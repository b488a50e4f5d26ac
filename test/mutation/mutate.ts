/**
 * `npm run mutate -- kv wire`: breaks each line of these rooms (all, when none is named) in turn, and says which
 * breakages no test notices. What survives is explained in test/MUTANTS.md. One room takes minutes.
 */

import { spawnSync } from 'node:child_process';
import { mutatedRooms } from './rooms.ts';

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(mutatedRooms);

for (const name of names) {
  const room = mutatedRooms[name];
  if (room === undefined) {
    console.error(`There is no room ${name}; there are ${Object.keys(mutatedRooms).join(', ')}.`);
    process.exit(2);
  }
  console.log(`\n${name}`);
  const { status } = spawnSync(
    'npx',
    ['stryker', 'run', 'test/mutation/stryker.config.json', '--mutate', room.mutate.join(',')],
    { stdio: 'inherit', env: { ...process.env, MUTATED_ROOM: name } },
  );
  if (status !== 0) process.exit(status ?? 1);
}
