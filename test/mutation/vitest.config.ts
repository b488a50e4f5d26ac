import { defineConfig } from 'vitest/config';
import { mutatedRooms } from './rooms.ts';

/** Takes seconds, and notices no mutant that others do not notice sooner. */
const slowTests = ['nothing is left out, comes twice or comes out of order'];

const room = mutatedRooms[process.env['MUTATED_ROOM'] ?? ''];
if (room === undefined) throw new Error('MUTATED_ROOM names a room of rooms.ts');

/** The tests of one room, for `npm run mutate`. */
export default defineConfig({
  test: {
    testTimeout: 20_000,
    setupFiles: ['test/mutation/short-properties.ts'],
    include: [...room.tests],
    exclude: ['test/sqlite/{shared-file,held-lock.timed}.test.ts'],
    testNamePattern: new RegExp(`^(?!.*(${slowTests.join('|')}))`),
  },
});
