/** What any process of the service measures of itself when somebody scrapes, beyond what its health tells. */

import { readdir } from 'node:fs/promises';
import { amount, amountIfKnown, type Measure } from '../metrics/measure.ts';
import { logLinesLost } from './log.ts';

export async function processMeasures(): Promise<Measure[]> {
  const { user, system } = process.cpuUsage();
  return [
    amount('shardlite_process_start_time_seconds', performance.timeOrigin / 1_000),
    amount('shardlite_process_cpu_seconds_total', (user + system) / 1e6),
    amount('shardlite_process_heap_bytes', process.memoryUsage().heapUsed),
    amount('shardlite_log_lines_lost_total', logLinesLost()),
    ...amountIfKnown('shardlite_process_open_fds', await openDescriptors()),
  ];
}

/** Undefined where there is no /proc, or no descriptor left to look with. */
async function openDescriptors(): Promise<number | undefined> {
  try {
    return (await readdir('/proc/self/fd')).length;
  } catch {
    return undefined;
  }
}
