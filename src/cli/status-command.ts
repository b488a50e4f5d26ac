/** `shardctl status`: shows every process of the service as a table, once or each second. */

import { statusOfService } from '../admin/admin-client.ts';
import type { ProcessStatus, ServiceStatus } from '../admin/contract.ts';
import { printAll, printLine } from './output.ts';
import { bytesText, countOf, countText, durationText, latencyText } from './quantity.ts';
import { type Column, tableOf } from './table.ts';
import { openChangeText, troublesOf } from './troubles.ts';

type StatusOptions = { readonly data: string; readonly json?: boolean; readonly watch?: boolean };

const watchIntervalMs = 1_000;
const homeAndClearBelow = '\x1b[H\x1b[J';

export async function statusCommand({ data, json, watch }: StatusOptions): Promise<void> {
  const textOf = (status: ServiceStatus) => (json ? JSON.stringify(status) : statusText(status));
  if (!watch) return printLine(textOf(await statusOfService(data)));
  const begin = process.stdout.isTTY && !json ? homeAndClearBelow : '';
  await printAll(eachSecond(async () => `${begin}${textOf(await statusOfService(data))}\n`));
}

async function* eachSecond(look: () => Promise<string>): AsyncGenerator<string> {
  for (;;) {
    yield await look();
    await new Promise((resolve) => setTimeout(resolve, watchIntervalMs));
  }
}

const processColumns: readonly Column<ProcessStatus>[] = [
  { title: 'id', align: 'left', cell: ({ id }) => id },
  { title: 'role', align: 'left', cell: ({ role }) => role },
  { title: 'state', align: 'left', cell: ({ state }) => state },
  { title: 'pid', align: 'right', cell: ({ pid }) => text(pid, String) },
  { title: 'uptime', align: 'right', cell: ({ uptimeMs }) => text(uptimeMs, durationText) },
  { title: 'cpu', align: 'right', cell: ({ cpuPercent }) => text(cpuPercent, percentText) },
  { title: 'loop', align: 'right', cell: ({ eventLoopDelayMs }) => text(eventLoopDelayMs, latencyText) },
  { title: 'memory', align: 'right', cell: ({ memoryBytes }) => text(memoryBytes, bytesText) },
  { title: 'clients', align: 'right', cell: ({ connections }) => text(connections, countText) },
  { title: 'restarts', align: 'right', cell: ({ restarts }) => String(restarts) },
  {
    title: 'last death',
    align: 'left',
    cell: ({ lastDeath }) => text(lastDeath, ({ reason, atMs }) => `${reason}, ${agoText(atMs)} ago`),
  },
];

const rateOf = (figures: ProcessStatus['reads']) => text(figures, ({ perS }) => countText(Math.round(perS)));
const p50Of = (figures: ProcessStatus['reads']) => text(figures?.p50Ms ?? null, latencyText);
const p99Of = (figures: ProcessStatus['reads']) => text(figures?.p99Ms ?? null, latencyText);

const workColumns: readonly Column<ProcessStatus>[] = [
  { title: 'id', align: 'left', cell: ({ id }) => id },
  { title: 'slots', align: 'right', cell: ({ slots }) => text(slots, countText) },
  { title: 'keys', align: 'right', cell: ({ keys }) => text(keys, countText) },
  { title: 'bytes', align: 'right', cell: ({ bytes }) => text(bytes, bytesText) },
  { title: 'file', align: 'right', cell: ({ fileBytes }) => text(fileBytes, bytesText) },
  { title: 'wal', align: 'right', cell: ({ walBytes }) => text(walBytes, bytesText) },
  { title: 'reads/s', align: 'right', cell: ({ reads }) => rateOf(reads) },
  { title: 'p50', align: 'right', cell: ({ reads }) => p50Of(reads) },
  { title: 'p99', align: 'right', cell: ({ reads }) => p99Of(reads) },
  { title: 'writes/s', align: 'right', cell: ({ writes }) => rateOf(writes) },
  { title: 'p50', align: 'right', cell: ({ writes }) => p50Of(writes) },
  { title: 'p99', align: 'right', cell: ({ writes }) => p99Of(writes) },
  { title: 'errors/s', align: 'right', cell: ({ failuresPerS }) => text(failuresPerS, rateText) },
];

function statusText(status: ServiceStatus): string {
  const { version, state, url, strategy, data, store, ring, uptimeMs, acknowledgement, logLinesLost } = status;
  const where = store === null ? `ring epoch ${ring.epoch}   data ${data}` : `${strategy} over ${store}`;
  const { adminUrl, diskFreeBytes, processes } = status;
  const change = openChangeText(status.moves);
  return [
    `Shardlite ${version} ${state} at ${url}   up ${durationText(uptimeMs)}   ${where}`,
    ...(state === 'degraded' ? troublesOf(status) : []),
    ...(change === undefined ? [] : [change]),
    [`disk free ${text(diskFreeBytes, bytesText)}`, ...(adminUrl === null ? [] : [`metrics ${adminUrl}/metrics`])].join(
      '   ',
    ),
    ...(acknowledgement === null ? [] : [acknowledgement]),
    ...(logLinesLost === 0
      ? []
      : [
          `Lost from the primary's log: ${countOf(logLinesLost, 'line')}. Is the disk of the log full, or its pipe not read?`,
        ]),
    ...storedText(status),
    '',
    tableOf(processColumns, processes),
    '',
    tableOf(
      workColumns,
      processes.filter(({ role }) => role !== 'primary'),
    ),
  ].join('\n');
}

/** Of shards, the table says how much each of them holds. */
function storedText({ store, stored, sharedFile }: ServiceStatus): string[] {
  if (store === null || stored === null) return [];
  const file = sharedFile && `, file ${bytesText(sharedFile.fileBytes)}, wal ${bytesText(sharedFile.walBytes)}`;
  return [`holds ${countOf(stored.keys, 'key')}, ${bytesText(stored.bytes)}${file ?? ''}`];
}

function percentText(percent: number): string {
  return `${percent.toFixed(0)} %`;
}

/** Seldom errors are errors, too: 0.2 is not 0. */
function rateText(perS: number): string {
  return perS > 0 && perS < 10 ? perS.toFixed(1) : countText(Math.round(perS));
}

function agoText(atMs: number): string {
  return durationText(Math.max(0, Date.now() - atMs));
}

function text<T>(value: T | null, format: (value: T) => string): string {
  return value === null ? '–' : format(value);
}
