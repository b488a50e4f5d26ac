/** Reports of runs that were made up, so that it is known what they must say. */

import { expect, test } from 'vitest';
import { type Cell, idOf } from '../../bench/cells/cell.ts';
import { firstSection, laterSections, type Section } from '../../bench/cells/plan.ts';
import { anything } from '../../bench/cells/run-plan.ts';
import type { Trial } from '../../bench/measure/trial.ts';
import { recommendationOf } from '../../bench/recommendation.ts';
import { svgOf } from '../../bench/report/chart.ts';
import { markdownOf, pageOf } from '../../bench/report/document.ts';
import { winsInWords } from '../../bench/report/findings.ts';
import { type Plot, plotsOf } from '../../bench/report/plots.ts';
import { reportOf } from '../../bench/report/report.ts';
import { summaryOf } from '../../bench/report/terminal.ts';
import { type Results, resultsSchema, type SectionResults } from '../../bench/results.ts';
import { parsedResults } from '../../bench/results-shape.ts';
import { targetResults } from '../../bench/targets.ts';

/**
 * Requests a second: clones are twice as fast at reading as what forwards reads, and what reads directly is faster still,
 * but not on emulated cores. The partitioned strategy writes six times as fast.
 */
function speedOf({ section, workload, contestant: { strategy, fronts, backs } }: Cell): number {
  const isPartitioned = strategy.startsWith('partitioned');
  if (workload.mix === 'get' && strategy === 'partitioned-direct' && !section.startsWith('cores')) return 25_000;
  if (workload.mix === 'get') return strategy === 'cloned-group' ? 20_000 : isPartitioned ? 10_000 : 5_000;
  return isPartitioned ? 6_000 + 10 * fronts * backs : 1_000;
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
  const kill = {
    killed: 'shard',
    verdict,
    requests: 1_000,
    errors: 0,
    longestGapMs: 180,
    recovered: true,
    readsMeanwhile: null,
  };
  const correctness = [
    { contestant: 'partitioned-1x2', durability: null, registers: verdict, counters: verdict, kill },
    {
      ...{ contestant: 'partitioned-direct-2x2', durability: null, registers: verdict, counters: verdict },
      kill: { ...kill, readsMeanwhile: { reads: 2_000, inTime: 1_999 } },
    },
    {
      contestant: 'cloned-memory-2',
      durability: null,
      registers: { ...verdict, staleReads: 9 },
      counters: verdict,
      kill,
    },
  ];
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
    correctness,
    targets: targetResults({ sections, correctness, cores: 2, found: anything(2) }),
    recommendation: recommendationOf(sections),
    skipped: [{ what: 'cloned over Redis', why: 'it is not installed.' }],
  };
}

test('each strategy is said to win where it wins, cloning too, and what reads differently only where that tells', () => {
  const [either, forwarded, direct, cloned] = winsInWords(madeUpResults());
  expect(either).toMatch(
    /^\*\*Partitioned, either way of reading\*\* wins \d+ of \d+ here: .*PUT.*\(6\.\d\d ×\).* And 36 of 40 on emulated/,
  );
  expect(either).not.toMatch(/GET/);
  // Where nothing reads directly.
  expect(forwarded).toMatch(/^\*\*Partitioned\*\* wins \d+ of \d+ here: .*batch of 100 PUTs/);
  expect(direct).toMatch(/^\*\*Partitioned, direct reads\*\* wins \d+ of \d+ here: GET.* \(1\.25 ×\)/);
  expect(direct).not.toMatch(/PUT|emulated/);
  expect(cloned).toMatch(
    /^\*\*Cloned, SQLite, group commit\*\* wins 4 of 40 on emulated cores: GET, 1 core \(2\.00 ×\); /,
  );
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
  expect(target('direct reads: GET ÷ cloned over SQLite')).toMatchObject({ reached: true, ratio: { median: 1.25 } });
  expect(target('direct reads: % of a killed')).toMatchObject({
    reached: true,
    ratio: { median: expect.closeTo(99.95) },
  });
  expect(targets.filter(({ ratio }) => ratio === null)).toEqual([]);
  expect(targets).toHaveLength(26);
});

test('a layout that is hardly better is not recommended over the one that is taken anyway', () => {
  const forwardedAlone = madeUpResults().sections.map(({ cells, ...section }) => ({
    ...section,
    cells: cells.filter(({ cell }) => cell.contestant.strategy !== 'partitioned-direct'),
  }));
  expect(recommendationOf(forwardedAlone)).toMatchObject({ reads: 'forwarded', routers: 1, shards: 2 });
});

test('a way of reading that is better is recommended, with as many routers as it was measured with', () => {
  expect(recommendationOf(madeUpResults().sections)).toMatchObject({ reads: 'direct', routers: 2, shards: 2 });
});

test('the plots show everything that was measured, and nothing that is no number', () => {
  const plots = plotsOf(madeUpResults());
  for (const [name, plot] of Object.entries(plots)) {
    expect(plot, name).toBeDefined();
    const { chart } = plot as Plot;
    const svg = svgOf(chart);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
    // Whole tags with quoted attributes, and texts.
    expect(svg.replace(/<\/?\w+(\s+[\w:-]+="[^"<]*")*\s*\/?>/g, '')).not.toMatch(/[<>]/);
    // Else the page could not draw what the image shows.
    expect(JSON.parse(JSON.stringify(chart.option))).toEqual(chart.option);
  }
  const seriesOf = (plot: Plot | undefined) => plot?.chart.option.series as { data: unknown[]; symbol?: string }[];
  const linesOf = (plot: Plot | undefined) => seriesOf(plot).filter(({ symbol }) => symbol === 'circle');
  expect(linesOf(plots.cores)).toHaveLength(12);
  expect(linesOf(plots.latency)).toHaveLength(12);
  // Four read shares, four numbers of cores, three disks.
  expect(seriesOf(plots.crossover).flatMap(({ data }) => data)).toHaveLength(48);
});

test('Markdown, page and terminal say the same, and markup in what the machine says stays text', () => {
  const results = madeUpResults();
  const document = reportOf(results);
  const [markdown, page, summary] = [markdownOf(document), pageOf(document), summaryOf(results)];
  for (const text of [markdown, page.slice(0, page.indexOf('<script')), summary]) {
    expect(text).toContain('shardctl start --reads direct --routers 2 --shards 2');
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
