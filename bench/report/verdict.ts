/**
 * Who wins where, before anybody reads: for a few workloads, how far the partitioned strategy is ahead of the best of the
 * others, or behind it. Pure.
 */

import { isPartitioned, type Strategy, strategies } from '../contestants/contestant.ts';
import type { Results } from '../results.ts';
import { type Chart, chartOf, headingHeight } from './chart.ts';
import { strategyColors } from './colors.ts';
import { type Contest, contestsOf } from './findings.ts';
import { ratio } from './texts.ts';

/** From many cores and slow disks to reads alone. A row that was not measured is left out. */
const asked = [
  { title: 'writes, 8 cores, 5 ms a sync', cores: 8, mix: 'put', diskMs: 5 },
  { title: 'writes, 8 cores', cores: 8, mix: 'put', diskMs: 0 },
  { title: 'half reads, 8 cores', cores: 8, mix: 'a', diskMs: 0 },
  { title: 'writes, 4 cores', cores: 4, mix: 'put', diskMs: 0 },
  { title: 'writes, 2 cores', cores: 2, mix: 'put', diskMs: 0 },
  { title: '95 % reads, 8 cores', cores: 8, mix: 'b', diskMs: 0 },
  { title: 'writes, 1 core', cores: 1, mix: 'put', diskMs: 0 },
  { title: 'reads, 2 cores', cores: 2, mix: 'get', diskMs: 0 },
  { title: 'reads, 8 cores', cores: 8, mix: 'get', diskMs: 0 },
] as const;

const titleWidth = 210;
const barsWidth = 620;
const rowHeight = 30;
const top = headingHeight + 26;
/** Of the scale at each side, in doublings: the labels stand behind the bars. */
const doublings = 4;

const shortTitles: Partial<Record<Strategy, string>> = {
  'cloned-group': 'clones over a file',
  'cloned-redis': 'clones over Redis',
  single: 'one process',
};

type Row = { readonly title: string; readonly lead: number; readonly other: Strategy };

/** Undefined where fewer than two of them were measured. */
export function verdictChart(results: Results): Chart | undefined {
  const contests = contestsOf(results);
  const rows = asked.flatMap(({ title, cores, mix, diskMs }) => {
    const found = contests.find(
      ({ section, workload }) =>
        section.name === `cores-${cores}` && workload.mix === mix && workload.diskMs === diskMs && workload.rate === 0,
    );
    return found === undefined ? [] : rowOf(title, found);
  });
  if (rows.length < 2) return undefined;
  const height = rows.length * rowHeight;
  return chartOf(
    {
      ...{ title: 'Where partitioning wins, and where another strategy does', legend: [] },
      note: 'Requests a second against the best of the others: emulated cores, 64 connections, values of 100 bytes.',
      ...{ width: titleWidth + barsWidth + 20, height: top + height + 8 },
      panels: [
        { title: '◀ another strategy is ahead', left: titleWidth + barsWidth / 2 - 190, top },
        { title: 'partitioned is ahead ▶', left: titleWidth + barsWidth / 2 + 18, top },
      ],
    },
    {
      grid: { left: titleWidth, top, width: barsWidth, height },
      xAxis: { type: 'value', min: -doublings, max: doublings, interval: 1, axisLabel: { show: false } },
      yAxis: {
        ...{ type: 'category', data: rows.map(({ title }) => title), inverse: true, axisTick: { show: false } },
        axisLine: { onZero: false, show: false },
        axisLabel: { fontSize: 13, margin: 12 },
      },
      series: {
        ...{ type: 'bar', barWidth: rowHeight - 10, data: rows.map(barOf) },
        markLine: {
          ...{ data: [{ xAxis: 0 }], symbol: 'none', silent: true, label: { show: false } },
          lineStyle: { type: 'solid', color: '#9aa5b1', width: 1.5 },
        },
      },
    },
  );
}

function rowOf(title: string, { ranking }: Contest): readonly Row[] {
  const [ours, theirs] = [ranking.find(isPartitioned), ranking.find((one) => !isPartitioned(one))];
  if (ours === undefined || theirs === undefined) return [];
  return [{ title, lead: ours.figure / theirs.figure, other: theirs.strategy }];
}

function barOf({ lead, other }: Row) {
  const isAhead = lead >= 1;
  const title = shortTitles[other] ?? strategies[other].title;
  return {
    value: Math.log2(lead),
    itemStyle: { color: strategyColors[isAhead ? 'partitioned' : other] },
    label: {
      ...{ show: true, position: isAhead ? ('right' as const) : ('left' as const), fontSize: 12.5 },
      formatter: isAhead ? `${ratio(lead)} × ${title}` : `${title} ${ratio(1 / lead)} ×`,
    },
  };
}
