/** `shardctl moves` shows topology changes; `pause`, `resume`, `abort` and `throttle` steer the running one. */

import type { SteeringOrder } from '../admin/contract.ts';
import type { RebalanceStatus } from '../rebalance/rebalancer.ts';
import type { TopologyChange } from '../rebalance/topology-change.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { changeProgressText, followChange } from './follow-change.ts';
import { printLine } from './output.ts';
import { bytesText, countText, durationText } from './quantity.ts';
import { answerOf } from './service-answer.ts';
import { tableOf } from './table.ts';

type MovesOptions = { readonly data: string; readonly json?: boolean; readonly follow?: boolean };

export async function movesCommand({ data, json, follow }: MovesOptions): Promise<void> {
  const { running, open } = (await answerOf(data, 'GET', '/v1/moves')) as RebalanceStatus;
  const changes = (await answerOf(data, 'GET', '/v1/changes')) as TopologyChange[];
  if (follow) {
    if (open[0] === undefined)
      throw new CliFailure(
        exitCodes.failed,
        'No topology change is running. `shardctl moves` without --follow shows earlier ones.',
      );
    return followChange(data, open[0].id, json ?? false);
  }
  if (json) return printLine(JSON.stringify({ running: running ?? null, changes }));
  if (changes.length === 0) return printLine('The topology has never been changed.');
  printLine(
    tableOf(
      [
        { title: 'id', align: 'right', cell: ({ id }) => String(id) },
        { title: 'change', align: 'left', cell: ({ kind }) => kind },
        {
          title: 'state',
          align: 'left',
          cell: ({ state, isPaused, endedAtMs }) => (isPaused && endedAtMs === null ? 'paused' : state),
        },
        { title: 'asked', align: 'left', cell: ({ askedAtMs }) => timeText(askedAtMs) },
        { title: 'took', align: 'right', cell: tookText },
        { title: 'slots', align: 'right', cell: ({ done }) => countText(done.slots) },
        { title: 'rows', align: 'right', cell: ({ done }) => countText(done.rows) },
        { title: 'bytes', align: 'right', cell: ({ done }) => bytesText(done.bytes) },
        { title: 'errors', align: 'right', cell: ({ done }) => countText(done.failures) },
        { title: 'longest freeze', align: 'right', cell: ({ done }) => `${done.freezeMaxMs.toFixed(1)} ms` },
        { title: 'why', align: 'left', cell: ({ reason }) => reason },
      ],
      changes,
    ),
  );
  if (running !== undefined) printLine(`\n${changeProgressText(running)}`);
}

export function steerCommand(
  kind: 'pause' | 'resume' | 'abort',
  done: string,
): (options: { data: string }) => Promise<void> {
  return async ({ data }) => {
    await steer(data, { kind });
    printLine(done);
  };
}

export async function throttleCommand({
  data,
  rowsPerS,
  p99Ms,
}: {
  data: string;
  rowsPerS?: string;
  p99Ms?: string;
}): Promise<void> {
  if (rowsPerS !== undefined && p99Ms !== undefined)
    throw new CliFailure(exitCodes.usage, 'Give --rows-per-s or --p99-ms, not both.');
  if (rowsPerS !== undefined) {
    const rate = positive(rowsPerS, '--rows-per-s');
    await steer(data, { kind: 'throttle', setting: { kind: 'rows-per-s', rowsPerS: Math.ceil(rate) } });
    return printLine(`Moves copy at most ${Math.ceil(rate)} rows per second.`);
  }
  if (p99Ms !== undefined) {
    const bound = positive(p99Ms, '--p99-ms');
    await steer(data, { kind: 'throttle', setting: { kind: 'p99-ms', p99Ms: bound } });
    return printLine(`Moves go as fast as possible while clients' p99 stays below ${bound} ms.`);
  }
  await steer(data, { kind: 'throttle', setting: { kind: 'automatic' } });
  printLine('The speed of moves adapts to the latency of clients.');
}

async function steer(data: string, order: SteeringOrder): Promise<void> {
  await answerOf(data, 'POST', '/v1/moves', order);
}

function positive(text: string, what: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1e9))
    throw new CliFailure(exitCodes.usage, `${what} is ${JSON.stringify(text)}, but must be a number above 0.`);
  return value;
}

/** How long a change took, or how long it has been running. */
function tookText({ beganAtMs, endedAtMs }: TopologyChange): string {
  return beganAtMs === null ? '–' : durationText((endedAtMs ?? Date.now()) - beganAtMs);
}

function timeText(atMs: number): string {
  return new Date(atMs).toISOString().replace('T', ' ').slice(0, 19);
}
