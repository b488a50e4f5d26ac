/** How `shardctl top` looks: lines that fit a terminal of 80 columns, or of as many as there are. Pure. */

import type { ProcessStatus, ServiceStatus } from '../admin/contract.ts';
import { changeProgressText } from './follow-change.ts';
import { bytesText, countOf, countText, durationText, latencyText, shortCountText } from './quantity.ts';
import { type Column, tableOf } from './table.ts';
import { openChangeText, troublesOf } from './troubles.ts';

export type TopFrame = {
  readonly data: string;
  readonly status: ServiceStatus;
  /** The latest states of the service, one a second, the newest last. */
  readonly history: readonly ServiceStatus[];
  /** Since when nobody answers, in Unix milliseconds; everything else is then as it was last. */
  readonly awaySinceMs: number | undefined;
  readonly nowMs: number;
};

/** More of them mean one cause; the table has all. */
const troublesMax = 3;

export type ScreenSize = { readonly columns: number; readonly rows: number };

export function topLines(frame: TopFrame, { columns, rows }: ScreenSize): string[] {
  const { status } = frame;
  const { running } = status.moves;
  const head = [
    headline(frame, columns),
    ...(['reads', 'writes'] as const).map((kind) => operationsLine(kind, frame)),
    stateLine(status),
    running === undefined ? (openChangeText(status.moves) ?? '') : changeProgressText(running),
    ...(status.state === 'degraded' ? troublesOf(status).slice(0, troublesMax) : []),
    '',
  ];
  const table = fittingTable(status.processes, columns);
  const room = Math.max(1, rows - head.length);
  const hidden = table.length - room;
  const shown = hidden > 0 ? [...table.slice(0, room - 1), `… and ${hidden + 1} more`] : table;
  return [...head, ...shown].slice(0, rows).map((line) => line.slice(0, columns));
}

/** In a narrow terminal, or for large numbers, what matters least is left out. */
function fittingTable(processes: readonly ProcessStatus[], width: number): string[] {
  let shown = processColumns;
  for (const title of [undefined, 'loop', 'memory', 'cpu']) {
    shown = shown.filter((column) => column.title !== title);
    const lines = tableOf(shown, processes).split('\n');
    if (lines.every((line) => line.length <= width)) return lines;
  }
  return tableOf(shown, processes).split('\n');
}

function headline({ data, status, awaySinceMs, nowMs }: TopFrame, columns: number): string {
  const { version, state, url, uptimeMs } = status;
  const text =
    awaySinceMs === undefined
      ? `Shardlite ${version}  ${state}  up ${durationText(uptimeMs)}  ${url}`
      : `No service on ${data} for ${durationText(nowMs - awaySinceMs)}: waiting for it`;
  const hint = 'q ends';
  return `${text.slice(0, columns - hint.length - 2).padEnd(columns - hint.length)}${hint}`;
}

function operationsLine(kind: 'reads' | 'writes', { status, history }: TopFrame): string {
  const answering = frontendsOf(status);
  const slowest = (percentile: 'p50Ms' | 'p99Ms') => {
    const seen = answering.flatMap((one) => one[kind]?.[percentile] ?? []);
    return (seen.length === 0 ? '–' : latencyText(Math.max(...seen))).padEnd(8);
  };
  const rates = history.map((past) => rateOf(past, kind));
  const rate = `${countText(Math.round(rateOf(status, kind)))}/s`;
  return `${kind.padEnd(6)} ${rate.padStart(11)}  p50 ${slowest('p50Ms')} p99 ${slowest('p99Ms')} ${sparkline(rates.slice(-30))}`;
}

function stateLine(status: ServiceStatus): string {
  const { stored, diskFreeBytes } = status;
  const sum = (figure: (process: ProcessStatus) => number | null) =>
    frontendsOf(status).reduce((total, one) => total + (figure(one) ?? 0), 0);
  return [
    ...(stored === null ? [] : [countOf(stored.keys, 'key'), bytesText(stored.bytes)]),
    ...(diskFreeBytes === null ? [] : [`${bytesText(diskFreeBytes)} free`]),
    countOf(
      sum(({ connections }) => connections),
      'client',
    ),
    `${sum(({ failuresPerS }) => failuresPerS).toFixed(1)} errors/s`,
  ].join('  ');
}

/** Those that answer clients: what a shard does is in their figures. */
function frontendsOf({ processes }: ServiceStatus): readonly ProcessStatus[] {
  return processes.filter(({ role }) => role === 'router' || role === 'clone');
}

function rateOf(status: ServiceStatus, kind: 'reads' | 'writes'): number {
  return frontendsOf(status).reduce((sum, one) => sum + (one[kind]?.perS ?? 0), 0);
}

const bars = '▁▂▃▄▅▆▇█';

/** As high as the highest of them; nothing where there is nothing. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(0, ...values);
  if (most === 0) return '';
  return values.map((value) => bars[Math.round((value / most) * (bars.length - 1))]).join('');
}

const orDash = <T>(value: T | null | undefined, format: (value: T) => string) =>
  value === null || value === undefined ? '–' : format(value);

const worstP99Of = ({ reads, writes }: ProcessStatus) => {
  const seen = [reads, writes].flatMap((figures) => figures?.p99Ms ?? []);
  return seen.length === 0 ? null : Math.max(...seen);
};

const processColumns: readonly Column<ProcessStatus>[] = [
  { title: 'process', align: 'left', cell: ({ id }) => id },
  { title: 'state', align: 'left', cell: ({ state }) => state },
  {
    title: 'cpu',
    align: 'right',
    cell: ({ cpuPercent }) => orDash(cpuPercent, (percent) => `${percent.toFixed(0)} %`),
  },
  { title: 'loop', align: 'right', cell: ({ eventLoopDelayMs }) => orDash(eventLoopDelayMs, latencyText) },
  { title: 'memory', align: 'right', cell: ({ memoryBytes }) => orDash(memoryBytes, bytesText) },
  { title: 'keys', align: 'right', cell: ({ keys }) => orDash(keys, shortCountText) },
  { title: 'reads/s', align: 'right', cell: ({ reads }) => orDash(reads?.perS, shortCountText) },
  { title: 'writes/s', align: 'right', cell: ({ writes }) => orDash(writes?.perS, shortCountText) },
  { title: 'p99', align: 'right', cell: (process) => orDash(worstP99Of(process), latencyText) },
];
