/** The whole benchmark in a few seconds: every step from starting contestants to the page. Its figures mean nothing. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parsedResults } from '../../bench/results-shape.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const main = fileURLToPath(new URL('../../dist/bench/main.js', import.meta.url));

test('a tiny benchmark writes a report in which clones with their state in memory are found to be wrong', () => {
  const output = join(temporaryDirectory(), 'report');
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, '--tiny', '--output', output], {
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  const file = (name: string) => readFileSync(join(output, name), 'utf8');
  const { sections, correctness } = parsedResults(file('results.json'));

  const cells = sections.flatMap((section) => section.cells);
  expect(cells.map(({ id }) => id)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^strategies\/get\/partitioned-\d/),
      expect.stringMatching(/^strategies\/get\/partitioned-direct-/),
      expect.stringMatching(/^strategies\/put\/ipc-hop-/),
      expect.stringMatching(/^latency\/put@\d+\/partitioned-/),
    ]),
  );
  for (const { trials } of cells) {
    for (const trial of trials) expect(trial.requestsPerS).toBeGreaterThan(0);
  }
  const slow = cells.find(({ id }) => id.startsWith('strategies/put-disk5ms/'));
  for (const trial of slow?.trials ?? []) expect(trial.p50Ms).toBeGreaterThan(5);
  expect(slow?.trials).toHaveLength(2);

  const [partitioned, memory] = correctness;
  expect(partitioned?.contestant).toMatch(/^partitioned-direct-/);
  expect(partitioned?.durability).toMatchObject({ durable: true, writes: 50 });
  expect(partitioned?.registers).toMatchObject({ staleReads: 0, lostUpdates: 0, inventedValues: 0 });
  expect(partitioned?.kill).toMatchObject({
    killed: 'shard',
    recovered: true,
    verdict: { staleReads: 0, lostUpdates: 0 },
  });
  // Keys of the killed shard, which the load generator and the ring name alike.
  expect(partitioned?.kill.readsMeanwhile?.reads).toBeGreaterThan(0);
  expect(memory?.contestant).toMatch(/^cloned-memory-/);
  expect(memory?.kill.readsMeanwhile).toBeNull();
  expect(memory?.registers.staleReads).toBeGreaterThan(0);
  expect(memory?.registers.lostUpdates).toBeGreaterThan(0);
  expect(partitioned?.counters.lostIncrements).toBe(0);
  expect(memory?.counters.lostIncrements).toBeGreaterThan(0);

  expect(stdout).toMatch(/^WRONG {2}\d+ × cloned, state in memory:/m);
  expect(file('report.md')).toContain('| **wrong** |');
  for (const { id } of cells) expect(file('report.md')).toContain(`npm run bench -- --cell ${id}\n`);
  expect(file('report.html')).toContain(file('cpu-by-role.svg').trim());
});
