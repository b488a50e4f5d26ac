/**
 * A refused history as a test's failure message: why, what still had an order, what had none, and when it all ran.
 * Of bounded length, however long the history. It judges nothing.
 */

import { describeOperation, type Operation } from './history.ts';
import type { Refusal } from './linearizability.ts';

const placedRowsMax = 24;
const chartColumns = 40;

/** At most some 45 lines of some 170 characters. */
export function historyReport({ key, reason, longestPrefix, remaining }: Refusal): string {
  const placed = longestPrefix.slice(-placedRowsMax);
  const rows = rowsOf([...placed, ...remaining]);
  const omitted = longestPrefix.length - placed.length;
  return [
    `No order explains what happened to the key ${JSON.stringify(key)}:`,
    `${reason}.`,
    ...(placed.length === 0
      ? []
      : ['', `In this order all answers are right${omitted > 0 ? ` (${omitted} before)` : ''}:`]),
    ...rows.slice(0, placed.length),
    '',
    'What has no place:',
    ...rows.slice(placed.length),
  ].join('\n');
}

/** One row an operation: when, by whom, a bar on a time axis that all share, and what. */
function rowsOf(operations: readonly Operation[]): string[] {
  const startMs = Math.min(...operations.map(({ invokedAtMs }) => invokedAtMs));
  const endMs = Math.max(...operations.map(({ invokedAtMs, completedAtMs }) => completedAtMs ?? invokedAtMs));
  const columnOf = (atMs: number) => Math.round(((atMs - startMs) / (endMs - startMs || 1)) * (chartColumns - 1));
  const timeWidth = endMs.toFixed(3).length;
  const clientWidth = Math.max(...operations.map(({ client }) => `${client}`.length));

  return operations.map((operation) => {
    const { client, invokedAtMs, completedAtMs, outcome } = operation;
    const from = columnOf(invokedAtMs);
    const to = completedAtMs === undefined ? from : columnOf(completedAtMs);
    const bar = from === to ? '┃' : `┣${'━'.repeat(to - from - 1)}┫`;
    // What is ambiguous may take effect long after its client gave up.
    const later = outcome.kind === 'ambiguous' ? '┄'.repeat(chartColumns - to - 1) : '';
    const fromTime = invokedAtMs.toFixed(3).padStart(timeWidth);
    const toTime = (completedAtMs?.toFixed(3) ?? '…').padStart(timeWidth);
    const chart = `${' '.repeat(from)}${bar}${later}`.padEnd(chartColumns);
    return `  ${fromTime} – ${toTime} ms  client ${`${client}`.padEnd(clientWidth)}  ${chart}  ${describeOperation(operation)}`;
  });
}
