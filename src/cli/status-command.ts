/** `shardctl status`: shows every process of the service as a table, once or each second. */

import { statusOfService } from '../admin/admin-client.ts';
import type { ProcessStatus, ServiceStatus } from '../admin/contract.ts';
import { bytesText, countText, durationText, latencyText } from './quantity.ts';
import { type Column, tableOf } from './table.ts';
import { openChangeText, troublesOf } from './troubles.ts';

type StatusOptions = { readonly data: string; readonly json?: boolean; readonly watch?: boolean };

const watchIntervalMs = 1_000;
const homeAndClearBelow = '\x1b[H\x1b[J';

export async function statusCommand({ data, json, watch }: StatusOptions): Promise<void> {
  for (;;) {
    const status = await statusOfService(data);
    if (json) console.log(JSON.stringify(status));
    else console.log((watch && process.stdout.isTTY ? homeAndClearBelow : '') + statusText(status));
    if (!watch) return;
    await new Promise((resolve) => setTimeout(resolve, watchIntervalMs));
  }
}

const columns: readonly Column<ProcessStatus>[] = [
  { title: 'id', align: 'left', cell: ({ id }) => id },
  { title: 'role', align: 'left', cell: ({ role }) => role },
  { title: 'state', align: 'left', cell: ({ state }) => state },
  { title: 'pid', align: 'right', cell: ({ pid }) => text(pid, String) },
  { title: 'restarts', align: 'right', cell: ({ restarts }) => String(restarts) },
  { title: 'uptime', align: 'right', cell: ({ uptimeMs }) => text(uptimeMs, durationText) },
  { title: 'cpu', align: 'right', cell: ({ cpuPercent }) => text(cpuPercent, (percent) => `${percent.toFixed(0)} %`) },
  { title: 'memory', align: 'right', cell: ({ memoryBytes }) => text(memoryBytes, bytesText) },
  { title: 'slots', align: 'right', cell: ({ slots }) => text(slots, countText) },
  { title: 'keys', align: 'right', cell: ({ keys }) => text(keys, countText) },
  { title: 'bytes', align: 'right', cell: ({ bytes }) => text(bytes, bytesText) },
  {
    title: 'ops/s',
    align: 'right',
    cell: ({ operationsPerS }) => text(operationsPerS, (rate) => countText(Math.round(rate))),
  },
  { title: 'p99', align: 'right', cell: ({ p99Ms }) => text(p99Ms, latencyText) },
];

function statusText(status: ServiceStatus): string {
  const { state, url, strategy, data, store, ring, uptimeMs, acknowledgement, logLinesLost, processes } = status;
  const where = store === null ? `ring epoch ${ring.epoch}   data ${data}` : `${strategy} over ${store}`;
  const { stored } = status;
  const change = openChangeText(status.moves);
  return [
    `Shardlite ${state} at ${url}   up ${durationText(uptimeMs)}   ${where}`,
    ...(state === 'degraded' ? troublesOf(status) : []),
    ...(change === undefined ? [] : [change]),
    ...(acknowledgement === null ? [] : [acknowledgement]),
    ...(logLinesLost === 0
      ? []
      : [`${countText(logLinesLost)} lines of the primary's log were lost: see where it goes.`]),
    // Of shards, the table says how many each of them holds.
    ...(store === null || stored === null ? [] : [`holds ${countText(stored.keys)} keys, ${bytesText(stored.bytes)}`]),
    '',
    tableOf(columns, processes),
  ].join('\n');
}

function text<T>(value: T | null, format: (value: T) => string): string {
  return value === null ? '–' : format(value);
}
