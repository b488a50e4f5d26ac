/** Cells side by side: workloads as rows, contestants as columns. Pure. */

import { type Workload, workloadName, workloadTitle } from '../cells/cell.ts';
import { type Contestant, nameOf, titleOf } from '../contestants/contestant.ts';
import { spreadOver, type Trial } from '../measure/trial.ts';
import type { SectionResults } from '../results.ts';
import type { Table } from './document.ts';
import { withScatter } from './texts.ts';

type Cells = SectionResults['cells'];

/** Contestants as rows, in their order. */
export function contestantsIn(cells: Cells): readonly Contestant[] {
  return [...new Map(cells.map(({ cell }) => [nameOf(cell.contestant), cell.contestant])).values()];
}

export function workloadsIn(cells: Cells): readonly Workload[] {
  return [...new Map(cells.map(({ cell }) => [workloadName(cell.workload), cell.workload])).values()];
}

export function trialsIn(cells: Cells, contestant: Contestant, workload: string): readonly Trial[] | undefined {
  return cells.find(
    ({ cell }) => nameOf(cell.contestant) === nameOf(contestant) && workloadName(cell.workload) === workload,
  )?.trials;
}

/** A workload a row, a strategy a column; the best of each row is bold. */
export function comparison(
  cells: Cells,
  of: (trial: Trial) => number,
  text: (trials: readonly Trial[]) => string,
  best: 'highest' | 'lowest',
): Table {
  const contestants = contestantsIn(cells);
  const rows = workloadsIn(cells).map((workload) => {
    const all = contestants.map((contestant) => trialsIn(cells, contestant, workloadName(workload)));
    const figures = all.map((trials) => (trials === undefined ? null : spreadOver(trials, of).median));
    const known = figures.filter((figure) => figure !== null);
    const winner = best === 'highest' ? Math.max(...known) : Math.min(...known);
    return [
      workloadTitle(workload),
      ...all.map((trials, index) => {
        if (trials === undefined) return '–';
        return figures[index] === winner ? `**${text(trials)}**` : text(trials);
      }),
      `\`${workloadName(workload)}\``,
    ];
  });
  return { kind: 'table', columns: ['', ...contestants.map(titleOf), 'cell'], rows };
}

export const throughputText = (trials: readonly Trial[]) =>
  withScatter(spreadOver(trials, (trial) => trial.requestsPerS));
