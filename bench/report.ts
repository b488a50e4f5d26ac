/** The result as a person reads it on a terminal. Pure. */

import { countText } from '../src/cli/quantity.ts';
import { type Column, tableOf } from '../src/cli/table.ts';
import { contestantTitles } from './contestants/contestant.ts';
import type { Machine } from './machine.ts';
import type { QuickResult } from './quick.ts';
import { type Spread, spreadOf } from './statistics.ts';
import type { TargetResult } from './targets.ts';
import { type Cell, cells, type Trial, trialsOf } from './trial.ts';

export function reportOf({ settings, machine, trials, targets, tookMs }: QuickResult): string {
  const { driver, driverCaveat, connections, keys, valueBytes, rounds, driveSeconds } = settings;
  const isShort = targets.some(({ reached }) => reached === false);
  return [
    `Shardlite quick benchmark: ${connections} connections, ${countText(keys)} keys, values of ${valueBytes} bytes, driven by ${driver}`,
    `Medians of ${rounds} rounds of ${driveSeconds} s a line, and how far the rounds lie apart. Took ${Math.round(tookMs / 1_000)} s.`,
    '',
    tableOf(
      cellColumns,
      cells.map((cell) => ({ cell, trials: trialsOf(trials, cell) })),
    ),
    '',
    tableOf(targetColumns, targets),
    '',
    ...(isShort ? ['bench/README.md says where the time goes.'] : []),
    ...(driverCaveat === null ? [] : [driverCaveat]),
    ...machineLines(machine),
    othersLine(trials),
  ].join('\n');
}

type CellRow = { readonly cell: Cell; readonly trials: readonly Trial[] };

/** Of one figure over the rounds; `–` where a system does not tell it. */
function figure(of: (trial: Trial) => number | null, format: (spread: Spread) => string): (row: CellRow) => string {
  return ({ trials }) => {
    const spread = spreadOf(trials.map(of));
    return spread === null ? '–' : format(spread);
  };
}

const count = (value: number) => countText(Math.round(value));
const milliseconds = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)} ms`;

const cellColumns: readonly Column<CellRow>[] = [
  { title: '', align: 'left', cell: ({ cell }) => `${cell.method}  ${contestantTitles[cell.contestant]}` },
  {
    title: 'requests/s',
    align: 'right',
    cell: figure(
      (trial) => trial.requestsPerS,
      ({ median }) => count(median),
    ),
  },
  {
    title: 'min–max',
    align: 'right',
    cell: figure(
      (trial) => trial.requestsPerS,
      ({ min, max }) => `${count(min)}–${count(max)}`,
    ),
  },
  {
    title: 'p50',
    align: 'right',
    cell: figure(
      (trial) => trial.p50Ms,
      ({ median }) => milliseconds(median),
    ),
  },
  {
    title: 'p99',
    align: 'right',
    cell: figure(
      (trial) => trial.p99Ms,
      ({ median }) => milliseconds(median),
    ),
  },
  {
    title: 'CPU a request',
    align: 'right',
    cell: figure(
      (trial) => trial.cpuUs,
      ({ median }) => `${median.toFixed(1)} µs`,
    ),
  },
];

const targetColumns: readonly Column<TargetResult>[] = [
  { title: 'target', align: 'left', cell: ({ title }) => title },
  {
    title: 'wanted',
    align: 'right',
    cell: ({ bound, wanted }) => `${bound === 'at least' ? '≥' : '≤'} ${wanted.toFixed(2)}`,
  },
  { title: 'median', align: 'right', cell: ({ ratio }) => (ratio === null ? '–' : ratio.median.toFixed(3)) },
  {
    title: 'min–max',
    align: 'right',
    cell: ({ ratio }) => (ratio === null ? '–' : `${ratio.min.toFixed(2)}–${ratio.max.toFixed(2)}`),
  },
  {
    title: '',
    align: 'left',
    cell: ({ reached }) => (reached === null ? 'not known' : reached ? 'reached' : 'not reached'),
  },
];

function machineLines({ cores, cpu, system, node, sqlite, disk }: Machine): string[] {
  return [
    `machine     ${cores} cores of ${cpu}, ${system}, Node ${node}, SQLite ${sqlite}`,
    disk.isMemory
      ? 'disk        a memory file system: nothing on it is durable. Name a directory on a disk in TMPDIR.'
      : `disk        write of 4 KiB and fdatasync: ${milliseconds(disk.syncMs)} (median of 200)`,
    'durability  a PUT is answered after COMMIT with synchronous=FULL; both sides open their files with the same code,',
    '            which reads the setting back and refuses to serve otherwise',
  ];
}

/** The service needs every core, the others one each: what others take moves the ratios, from about here on visibly. */
const disturbingShare = 0.05;

function othersLine(trials: readonly Trial[]): string {
  const shares = spreadOf(trials.map(({ othersShare }) => othersShare));
  if (shares === null) return 'others      it is not known what else ran meanwhile';
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  const verdict = shares.median > disturbingShare ? ': the figures are disturbed, run it again' : '';
  return `others      other programs had ${percent(shares.median)} of the CPU meanwhile (median; at most ${percent(shares.max)})${verdict}`;
}
