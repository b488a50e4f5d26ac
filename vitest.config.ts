import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Tests of how long something takes: they run last, and nothing runs beside them. */
const timed = 'test/**/*.timed.test.ts';

/** Tests that fake the timers of their process have one to themselves: the timers of another test are not among theirs. */
const faking = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map((file) => `test/${file}`)
  .filter((file) => file.endsWith('.test.ts') && readFileSync(file, 'utf8').includes('useFakeTimers('));

/** Process tests start real services and wait for them, and the simulation takes what they leave of two cores. */
const workers = 4;

/** It names source maps that it does not bring, each of which would be a line of warning. */
const workflowParser = {
  name: 'workflow-parser-without-source-maps',
  load: (id: string) =>
    /@actions\/.*\.js$/.test(id) ? readFileSync(id, 'utf8').replace(/^\/\/# sourceMappingURL=.*/m, '') : undefined,
};

/** They take a minute or more. Begun late, they would be alone at the end. */
const long = /\/(redis-cluster-store|failpoints|random-kills|fuzz)\.test\.ts$/;

/** Takes a core for minutes, at a low priority. */
const simulation = 'test/simulation/**/*.test.ts';

/**
 * The files of the simulation are begun one after the other among the first quarter of the others. By the size of the
 * files, as usual, they would all come last.
 */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const bySize = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => long.test(moduleId);
    const sorted = [...bySize.filter(isLong), ...bySize.filter((file) => !isLong(file))];
    const simulations = sorted.filter(({ moduleId }) => moduleId.includes('/test/simulation/'));
    const others = sorted.filter((file) => !simulations.includes(file));
    const apart = Math.ceil(others.length / (4 * simulations.length));
    for (const [index, file] of simulations.entries()) others.splice(index * (apart + 1), 0, file);
    return others;
  }
}

export default defineConfig({
  plugins: [workflowParser],
  // openapi-typescript needs the API of TypeScript, which 7 does not have yet.
  resolve: { alias: { typescript: 'typescript-5' } },
  test: {
    // The first for its TypeScript; the second imports JSON in a way that Node does not know.
    server: { deps: { inline: ['openapi-typescript', '@actions/workflow-parser'] } },
    // Long enough for a machine that stands still for a while: only what never comes is a failure.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 20_000 } },
    sequence: { sequencer: LongFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'tests',
          include: ['test/**/*.test.ts'],
          exclude: [timed, simulation, ...faking],
          // They leave nothing behind, and share the modules that were loaded once.
          isolate: false,
          maxWorkers: workers,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: 'fake timers', include: faking, maxWorkers: workers, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: 'simulation',
          include: [simulation],
          setupFiles: ['test/simulation/low-priority.ts'],
          // On a busy machine nothing may be left for it for a while.
          testTimeout: 3_600_000,
          maxWorkers: workers,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: 'timed', include: [timed], maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
