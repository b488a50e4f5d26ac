import { defineConfig } from 'vitest/config';

/** Tests of how long something takes: they run last, and nothing runs beside them. */
const timed = 'test/**/*.timed.test.ts';

export default defineConfig({
  // openapi-typescript needs the API of TypeScript, which 7 does not have yet.
  resolve: { alias: { typescript: 'typescript-5' } },
  test: {
    server: { deps: { inline: ['openapi-typescript'] } },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['test/**/*.test.ts'],
          exclude: [timed],
          // Process tests start real services: two files at a time keep two cores busy, not starved.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'timed', include: [timed], maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
