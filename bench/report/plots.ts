/** The plots of a report. A plot whose cells were not measured is left out. Pure. */

import { mixes, workloadName } from '../cells/cell.ts';
import { strategies, titleOf } from '../contestants/contestant.ts';
import { spreadOver, type Trial } from '../measure/trial.ts';
import type { Results, SectionResults } from '../results.ts';
import type { Spread } from '../statistics.ts';
import { barChart } from './bar-chart.ts';
import type { Chart } from './chart.ts';
import { roleColors, strategyColors } from './colors.ts';
import { type Contest, contestsOf, drawLead, type Winner, winnerTitles } from './findings.ts';
import { type Line, type LinePanel, lineChart } from './line-chart.ts';
import { count, milliseconds, ratio, withScatter } from './texts.ts';
import { verdictChart } from './verdict.ts';
import { type Square, winnerMap } from './winner-map.ts';

/** With the name of the file in which its image lies. */
export type Plot = { readonly file: string; readonly chart: Chart };

export function plotsOf(results: Results): {
  readonly [K in 'verdict' | 'cores' | 'latency' | 'cpu' | 'crossover']: Plot | undefined;
} {
  return {
    verdict: verdictPlot(results),
    cores: coresPlot(results),
    latency: latencyPlot(results),
    cpu: cpuPlot(results),
    crossover: crossoverPlot(results),
  };
}

function verdictPlot(results: Results): Plot | undefined {
  const chart = verdictChart(results);
  return chart && { file: 'verdict.svg', chart };
}

type CellResults = SectionResults['cells'][number];

/** A line a strategy: cells that differ in `x` alone. */
function linesOf(
  cells: readonly CellResults[],
  x: (cell: CellResults) => number,
  y: (trial: Trial) => number,
  text: (x: number, y: Spread) => string,
): readonly Line[] {
  const found = [...new Set(cells.map(({ cell }) => cell.contestant.strategy))];
  return found.map((strategy) => ({
    title: strategies[strategy].title,
    color: strategyColors[strategy],
    points: cells
      .filter(({ cell }) => cell.contestant.strategy === strategy)
      .map((cell) => ({ x: x(cell), y: spreadOver(cell.trials, y) }))
      .sort((a, b) => a.x - b.x)
      .map((point) => ({ ...point, text: text(point.x, point.y) })),
  }));
}

function coresPlot({ sections }: Results): Plot | undefined {
  const curve = sections.filter(({ name }) => name.startsWith('cores-'));
  if (curve.length < 2) return undefined;
  const coresOf = new Map(
    curve.flatMap(({ name, cells }) => cells.map((cell) => [cell.id, Number(name.slice('cores-'.length))] as const)),
  );
  const panel = (title: string, workload: string): LinePanel => {
    const cells = curve.flatMap((section) =>
      section.cells.filter(({ cell }) => workloadName(cell.workload) === workload),
    );
    return {
      title,
      lines: linesOf(
        cells,
        ({ id }) => coresOf.get(id) ?? 0,
        (trial) => trial.requestsPerS,
        (cores, perS) => `${withScatter(perS)} requests/s with ${cores} core${cores === 1 ? '' : 's'}`,
      ),
    };
  };
  const isEmulated = curve.some(({ conditions }) => conditions.emulatedCores !== null);
  const title = isEmulated ? 'Requests a second by emulated cores' : 'Requests a second by cores';
  const chart = lineChart({
    title,
    panels: [panel('GET', 'get'), panel('PUT', 'put'), panel('PUT, a sync takes ≥ 5 ms', 'put-disk5ms')],
    ...{ xTitle: 'cores', yTitle: 'requests/s', xLogarithmic: true, yLogarithmic: false },
  });
  return { file: 'throughput-by-cores.svg', chart };
}

function latencyPlot({ sections }: Results): Plot | undefined {
  const latency = sections.find(({ name }) => name === 'latency');
  const rates = new Set(latency?.cells.map(({ cell }) => cell.workload.rate));
  if (latency === undefined || rates.size < 3) return undefined;
  const panels = (['get', 'put'] as const).map((mix) => ({
    title: mixes[mix].title,
    lines: linesOf(
      latency.cells.filter(({ cell }) => cell.workload.mix === mix),
      ({ cell }) => cell.workload.rate,
      (trial) => trial.p99Ms,
      (rate, p99) => `p99 ${milliseconds(p99.median)} ms at ${count(rate)} requests/s`,
    ),
  }));
  const chart = lineChart({
    title: '99th percentile of latency by offered rate',
    panels: panels.filter(({ lines }) => lines.length > 0),
    ...{ xTitle: 'requests/s offered', yTitle: 'p99, ms', xLogarithmic: false, yLogarithmic: true },
  });
  return { file: 'latency-by-rate.svg', chart };
}

const roleOrder = ['router', 'server', 'clone', 'single', 'shard', 'redis', 'primary', 'load'];

function cpuPlot({ sections }: Results): Plot | undefined {
  const cells = sections.find(({ name }) => name === 'strategies')?.cells ?? [];
  const panels = (['get', 'put'] as const).map((mix) => ({
    title: mixes[mix].title,
    bars: cells
      .filter(({ cell }) => workloadName(cell.workload) === mix)
      .map(({ cell, trials }) => ({
        title: titleOf(cell.contestant),
        values: new Map(
          roleOrder
            .filter((role) => trials.some(({ cpuUs }) => cpuUs[role] !== undefined))
            .map((role) => [roleTitle(role), spreadOver(trials, ({ cpuUs }) => cpuUs[role] ?? 0).median]),
        ),
      })),
  }));
  if (panels.every(({ bars }) => bars.length === 0)) return undefined;
  const measured = new Set(panels.flatMap(({ bars }) => bars.flatMap(({ values }) => [...values.keys()])));
  const parts = roleOrder.map((role) => ({ title: roleTitle(role), color: roleColors[role] ?? '#000000' }));
  const chart = barChart({
    ...{ title: 'CPU time a request, by role', xTitle: 'µs a request', panels },
    parts: parts.filter(({ title }) => measured.has(title)),
  });
  return { file: 'cpu-by-role.svg', chart };
}

function roleTitle(role: string): string {
  return role === 'load' ? 'load generator' : role;
}

const mapMixes = ['put', 'a', 'b', 'get'] as const;
const mapTitles: Readonly<Record<(typeof mapMixes)[number], string>> = {
  put: '0 % reads',
  a: '50 % reads',
  b: '95 % reads',
  get: '100 % reads',
};
const evenColor = '#9aa5b1';
/** A lead from which on a square has its full colour. */
const fullLead = 3;

function crossoverPlot(results: Results): Plot | undefined {
  const contests = contestsOf(results).filter(({ section }) => section.name.startsWith('cores-'));
  const cores = [...new Set(contests.map(({ section }) => Number(section.name.slice('cores-'.length))))].sort(
    (a, b) => a - b,
  );
  const disks = [...new Set(contests.map(({ workload }) => workload.diskMs))].sort((a, b) => a - b);
  if (cores.length < 2 || disks.length < 2) return undefined;
  const squareAt = (mix: string, count: number, diskMs: number): Square | null => {
    const found = contests.find(
      // Reads do not wait for the disk: what was measured on one holds for all.
      ({ section, workload }) =>
        section.name === `cores-${count}` && workload.mix === mix && (workload.diskMs === diskMs || mix === 'get'),
    );
    if (found === undefined) return null;
    const { winner } = found;
    const [lead, ranking] = [`${ratio(found.lead)} ×`, rankingOf(found)];
    if (found.lead < drawLead) return { winner: 'even', text: ['even', lead], color: evenColor, strength: 0, ranking };
    return {
      ...{ winner: winnerTitles[winner], color: strategyColors[winner], ranking },
      text: [shortTitles[winner] ?? winner, lead],
      strength: Math.min(1, Math.log(found.lead) / Math.log(fullLead)),
    };
  };
  const panels = disks.map((diskMs) => ({
    title: diskMs === 0 ? `this disk, ${results.machine.disk.syncMs.toFixed(2)} ms a sync` : `${diskMs} ms a sync`,
    squares: mapMixes.map((mix) => cores.map((count) => squareAt(mix, count, diskMs))),
  }));
  const chart = winnerMap({
    title: 'Who wins, by how much over the second',
    note: 'Requests a second at saturation, 64 connections, 100 bytes. Pale: a narrow win.',
    rows: mapMixes.map((mix) => mapTitles[mix]),
    columns: cores.map((count) => String(count)),
    columnsTitle: 'cores',
    panels,
  });
  return { file: 'crossover-map.svg', chart };
}

function rankingOf({ ranking }: Contest): readonly string[] {
  return ranking.map(({ strategy, figure }) => `${count(figure)}/s  ${strategies[strategy].title}`);
}

const shortTitles: Partial<Record<Winner, string>> = {
  partitioned: 'forward',
  'partitioned-direct': 'direct',
  'partitioned-either': 'partition',
  'cloned-group': 'clone',
  'cloned-redis': 'Redis',
  single: 'single',
};
