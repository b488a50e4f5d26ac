import { defineConfig } from 'vitest/config';
import { mutatedRooms } from './rooms.ts';

/** Takes seconds, and notices no mutant that others do not notice sooner. */
const slowTests = [
  'nothing is left out, comes twice or comes out of order',
  'the ledger stays bounded, however many write it',
  'a file is either shared or one process has it alone',
  'fifteen thousand keys a second expire',
  'from the start makes a replica, while clients write',
  'any history of operations on a few keys answers as a map would',
];

const room = mutatedRooms[process.env['MUTATED_ROOM'] ?? ''];
if (room === undefined) throw new Error('MUTATED_ROOM names a room of rooms.ts');

/** The tests of one room, for `npm run mutate`. */
export default defineConfig({
  test: {
    testTimeout: 20_000,
    setupFiles: ['test/mutation/short-properties.ts'],
    include: [...room.tests],
    exclude: ['test/sqlite/held-lock.timed.test.ts'],
    testNamePattern: new RegExp(`^(?!.*(${slowTests.join('|')}))`),
  },
});
