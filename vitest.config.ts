import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** Tests of how long something takes: they run last, and nothing runs beside them. */
const timed = 'test/**/*.timed.test.ts';

/** It names source maps that it does not bring, each of which would be a line of warning. */
const workflowParser = {
  name: 'workflow-parser-without-source-maps',
  load: (id: string) =>
    /@actions\/.*\.js$/.test(id) ? readFileSync(id, 'utf8').replace(/^\/\/# sourceMappingURL=.*/m, '') : undefined,
};

export default defineConfig({
  plugins: [workflowParser],
  // openapi-typescript needs the API of TypeScript, which 7 does not have yet.
  resolve: { alias: { typescript: 'typescript-5' } },
  test: {
    // The first for its TypeScript; the second imports JSON in a way that Node does not know.
    server: { deps: { inline: ['openapi-typescript', '@actions/workflow-parser'] } },
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
