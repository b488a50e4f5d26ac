/** The summary that a run ends with on a terminal. Pure. */

import { type Column, tableOf } from '../../src/cli/table.ts';
import { workloadTitle } from '../cells/cell.ts';
import { titleOf } from '../contestants/contestant.ts';
import { inTimeMs } from '../judge/outage.ts';
import type { CellResult } from '../measure/section-run.ts';
import { cpuUsOf, spreadOver } from '../measure/trial.ts';
import { commandOf } from '../recommendation.ts';
import type { Results, SectionResults, TargetResult } from '../results.ts';
import { isWrong, titleOfName } from './correctness-blocks.ts';
import { othersSentence } from './machine-blocks.ts';
import { count, milliseconds, ratio, withScatter } from './texts.ts';

/** More sections would not fit on a screen: they are in the report. */
const shownSections = ['strategies', 'latency', 'cores-8'];

export function summaryOf(results: Results): string {
  const { sections, targets, correctness, recommendation, machine, skipped, tookMs, scale } = results;
  const shown = scale === 'cells' ? sections : sections.filter(({ name }) => shownSections.includes(name));
  const measured = targets.filter(({ reached }) => reached !== null);
  const trials = sections.flatMap(({ cells }) => cells).flatMap((cell) => cell.trials);
  return [
    ...shown.flatMap((section) => [sectionText(section), '']),
    ...(measured.length === 0 ? [] : [tableOf(targetColumns, measured), '']),
    ...correctness.map((one) => {
      const { registers, counters, kill } = one;
      const meanwhile = kill.readsMeanwhile;
      const found = `${count(registers.staleReads)} stale reads, ${count(registers.lostUpdates)} lost updates, ${count(counters.lostIncrements)} lost increments`;
      const readsText =
        meanwhile === null
          ? ''
          : `, ${count(meanwhile.inTime)} of ${count(meanwhile.reads)} reads of its keys within ${inTimeMs} ms`;
      const killed = `${kill.killed} killed: ${count(kill.errors)} errors, ${count(kill.verdict.lostUpdates)} lost updates${readsText}`;
      return `${isWrong(one) ? 'WRONG' : 'right'}  ${titleOfName(one.contestant)}: ${found}; ${killed}`;
    }),
    ...correctness
      .filter(({ durability }) => durability?.durable === false)
      .map((one) => `NOT DURABLE  ${titleOfName(one.contestant)}: nothing of the above is fair to the others`),
    '',
    ...(recommendation === null ? [] : [`For this machine: ${commandOf(recommendation)}`]),
    ...skipped.map(({ what, why }) => `Left out: ${what}: ${why}`),
    `${machine.cores} cores of ${machine.cpu}, Node ${machine.node}, SQLite ${machine.sqlite}; write of 4 KiB and fdatasync: ${machine.disk.syncMs.toFixed(2)} ms`,
    ...(trials.length === 0 ? [] : [othersSentence(trials)]),
    `Took ${Math.round(tookMs / 1_000)} s.`,
  ].join('\n');
}

function sectionText({ title, rounds, seconds, cells }: SectionResults): string {
  return `${title}: medians of ${rounds} trials of ${seconds} s\n${tableOf(cellColumns, cells)}`;
}

const cellColumns: readonly Column<CellResult>[] = [
  { title: '', align: 'left', cell: ({ cell }) => titleOf(cell.contestant) },
  { title: '', align: 'left', cell: ({ cell }) => workloadTitle(cell.workload) },
  {
    title: 'requests/s',
    align: 'right',
    cell: ({ trials }) => withScatter(spreadOver(trials, (trial) => trial.requestsPerS)),
  },
  {
    title: 'p50 ms',
    align: 'right',
    cell: ({ trials }) => milliseconds(spreadOver(trials, (trial) => trial.p50Ms).median),
  },
  {
    title: 'p99 ms',
    align: 'right',
    cell: ({ trials }) => milliseconds(spreadOver(trials, (trial) => trial.p99Ms).median),
  },
  {
    title: 'p99.9 ms',
    align: 'right',
    cell: ({ trials }) => milliseconds(spreadOver(trials, (trial) => trial.p999Ms).median),
  },
  { title: 'CPU µs', align: 'right', cell: ({ trials }) => spreadOver(trials, cpuUsOf).median.toFixed(1) },
];

const targetColumns: readonly Column<TargetResult>[] = [
  { title: 'partitioned …', align: 'left', cell: ({ title }) => title },
  { title: 'wanted', align: 'right', cell: ({ bound, wanted }) => `${bound === 'at least' ? '≥' : '≤'} ${wanted}` },
  { title: 'median', align: 'right', cell: ({ ratio: found }) => (found === null ? '–' : ratio(found.median)) },
  {
    title: 'min–max',
    align: 'right',
    cell: ({ ratio: found }) => (found === null ? '–' : `${ratio(found.min)}–${ratio(found.max)}`),
  },
  { title: '', align: 'left', cell: ({ reached }) => (reached ? 'reached' : 'not reached') },
];
