/** Reports of runs that were made up, so that it is known what they must say. */

import { expect, test } from 'vitest';
import { type Cell, idOf } from '../../bench/cells/cell.ts';
import { firstSection, laterSections, type Section } from '../../bench/cells/plan.ts';
import { anything } from '../../bench/cells/run-plan.ts';
import type { Trial } from '../../bench/measure/trial.ts';
import { recommendationOf } from '../../bench/recommendation.ts';
import { markdownOf, pageOf } from '../../bench/report/document.ts';
import { winsInWords } from '../../bench/report/findings.ts';
import { plotsOf } from '../../bench/report/plots.ts';
import { reportOf } from '../../bench/report/report.ts';
import { summaryOf } from '../../bench/report/terminal.ts';
import { type Results, resultsSchema, type SectionResults } from '../../bench/results.ts';
import { parsedResults } from '../../bench/results-shape.ts';
import { targetResults } from '../../bench/targets.ts';

/** Requests a second: clones are twice as fast at reading, the partitioned strategy six times at writing. */
function speedOf({ workload, contestant }: Cell): number {
  const isPartitioned = contestant.strategy === 'partitioned';
  if (workload.mix === 'get') return contestant.strategy === 'cloned-group' ? 20_000 : isPartitioned ? 10_000 : 5_000;
  return isPartitioned ? 6_000 + 10 * contestant.fronts * contestant.backs : 1_000;
}

function trialOf(cell: Cell, round: number): Trial {
  const requestsPerS = speedOf(cell) * (1 + round / 100);
  return {
    ...{ round, requestsPerS, p50Ms: 1e4 / requestsPerS, p99Ms: 2e4 / requestsPerS, p999Ms: 3e4 / requestsPerS },
    cpuUs: { router: 10.5, shard: 12.25, load: 6 },
    ...{ errors: 0, missing: 0, corrupt: 0, syncs: 100, othersShare: 0.01 },
  };
}

function measuredSection({ name, title, conditions, rounds, seconds, cells }: Section): SectionResults {
  const results = cells.map((cell) => {
    return { id: idOf(cell), cell, trials: Array.from({ length: rounds }, (_, index) => trialOf(cell, index + 1)) };
  });
  return { name, title, conditions, rounds, seconds, cells: results };
}

function madeUpResults(): Results {
  const first = measuredSection(firstSection('full', 2));
  const later = laterSections('full', 2, anything(2)).map(measuredSection);
  const sections = [first, ...later];
  const verdict = { requests: 1_000, staleReads: 0, lostUpdates: 0, lostIncrements: 0, inventedValues: 0 };
  const kill = { killed: 'shard', verdict, requests: 1_000, errors: 0, longestGapMs: 180, recovered: true };
  return {
    ...{
      schema: resultsSchema,
      command: 'npm run bench',
      scale: 'full',
      commit: 'abc1234',
      tookMs: 1_400_000,
      seed: 7,
    },
    startedAt: '2026-11-20T10:00:00.000Z',
    machine: {
      ...{ cores: 2, cpu: 'A <CPU>', memoryBytes: 2 ** 33, system: 'Linux', node: '20', sqlite: '3', redis: null },
      disk: { syncMs: 0.14, isMemory: false },
    },
    ...{ emulatedCore: 0.125, sections, memory: [] },
    correctness: [
      { contestant: 'partitioned-1x2', durability: null, registers: verdict, counters: verdict, kill },
      {
        contestant: 'cloned-memory-2',
        durability: null,
        registers: { ...verdict, staleReads: 9 },
        counters: verdict,
        kill,
      },
    ],
    targets: targetResults(sections, 2, anything(2).partitioned),
    recommendation: recommendationOf(sections),
    skipped: [{ what: 'cloned over Redis', why: 'it is not installed.' }],
  };
}

test('each strategy is said to win where it wins, cloning too', () => {
  const [partitioned, cloned] = winsInWords(madeUpResults());
  expect(partitioned).toMatch(
    /^\*\*Partitioned\*\* wins \d+ of \d+ here: PUT.*\(6\.\d\d ×\); .* more by less\. And 36 of 40 on emulated/,
  );
  expect(partitioned).not.toMatch(/GET/);
  expect(cloned).toMatch(/^\*\*Cloned, SQLite, group commit\*\* wins \d+ of \d+ here: GET.* \(2\.00 ×\); /);
  expect(cloned).toMatch(/And 4 of 40 on emulated cores: GET, 1 core \(2\.00 ×\); /);
  expect(cloned).not.toMatch(/PUT/);
});

test('a target is judged by the median of the rounds’ ratios', () => {
  const { targets } = madeUpResults();
  const target = (title: string) => targets.find((one) => one.title.startsWith(title));
  expect(target('PUT ÷ cloned with a commit')).toMatchObject({
    reached: true,
    ratio: { median: expect.closeTo(6.02) },
  });
  expect(target('GET ÷ cloned over SQLite')).toMatchObject({ reached: false, ratio: { median: 0.5 } });
  expect(target('PUT p99 ÷')).toMatchObject({ reached: true, bound: 'at most' });
  expect(targets).toHaveLength(15);
});

test('a layout that is hardly better is not recommended over the one that is taken anyway', () => {
  expect(recommendationOf(madeUpResults().sections)).toMatchObject({ routers: 1, shards: 2 });
});

test('the plots show everything that was measured, and nothing that is no number', () => {
  const plots = plotsOf(madeUpResults());
  for (const [name, plot] of Object.entries(plots)) {
    expect(plot, name).toBeDefined();
    expect(plot?.svg).not.toMatch(/NaN|undefined|Infinity/);
  }
  expect(plots.cores?.svg.match(/<polyline/g)).toHaveLength(9);
  expect(plots.latency?.svg.match(/<polyline/g)).toHaveLength(10);
  // Four read shares, four numbers of cores, three disks.
  expect(plots.crossover?.svg.match(/rx="3"/g)).toHaveLength(48);
});

test('Markdown, page and terminal say the same, and markup in what the machine says stays text', () => {
  const results = madeUpResults();
  const document = reportOf(results);
  const [markdown, page, summary] = [markdownOf(document), pageOf(document), summaryOf(results)];
  for (const text of [markdown, page, summary]) {
    expect(text).toContain('shardctl start --routers 1 --shards 2');
    expect(text).toContain('cloned over Redis: it is not installed.');
    expect(text).not.toMatch(/NaN|undefined|\[object/);
  }
  expect(page).toContain('A &lt;CPU&gt;');
  expect(page).not.toContain('<CPU>');
  expect(summary).toMatch(/^WRONG {2}2 × cloned, state in memory: 9 stale reads/m);
});

test('what is written is what is read', () => {
  const results = madeUpResults();
  expect(parsedResults(JSON.stringify(results))).toEqual(results);
  expect(() => parsedResults(JSON.stringify({ ...results, schema: 'shardlite-bench/0' }))).toThrow(TypeError);
  expect(() => parsedResults(JSON.stringify({ ...results, targets: [{}] }))).toThrow(TypeError);
});
