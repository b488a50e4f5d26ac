/** Watches a topology change until it ends. The change runs in the service: Ctrl-C stops only the watching. */

import type { RebalanceStatus, RunningChange } from '../rebalance/rebalancer.ts';
import type { TopologyChange } from '../rebalance/topology-change.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { print, printLine } from './output.ts';
import { clearLine } from './progress-bar.ts';
import { bytesText, countOf, countText, durationText, latencyText } from './quantity.ts';
import { answerOf } from './service-answer.ts';

const pollIntervalMs = 250;

/** @throws CliFailure when the change was aborted */
export async function followChange(data: string, id: number, json: boolean): Promise<void> {
  let last: RunningChange | undefined;
  let pausedBefore: number | undefined;
  for (;;) {
    const { running, open } = (await answerOf(data, 'GET', '/v1/moves')) as RebalanceStatus;
    const change = await changeOf(data, id);
    const paused = open[0]?.isPaused ? open[0].id : undefined;
    if (paused !== undefined && paused !== pausedBefore) sayPaused(paused, id, json);
    pausedBefore = paused;
    if (running?.id === id) {
      last = running;
      show(running, json);
    }
    if (change.state === 'done' || change.state === 'aborted') return report(change, last, json);
    await new Promise((resolve) => setTimeout(resolve, pollIntervalMs));
  }
}

async function changeOf(data: string, id: number): Promise<TopologyChange> {
  const changes = (await answerOf(data, 'GET', '/v1/changes')) as TopologyChange[];
  const change = changes.find((one) => one.id === id);
  if (change === undefined)
    throw new CliFailure(exitCodes.failed, `There is no change ${id} among the latest. \`shardctl moves\` lists them.`);
  return change;
}

/** Nothing moves before an operator says so: whoever waits should know. */
function sayPaused(paused: number, id: number, json: boolean): void {
  if (json) return printLine(JSON.stringify({ event: 'paused', change: paused }));
  const what = paused === id ? 'This change is paused' : `This change waits for change ${paused}, which is paused`;
  printLine(`${process.stdout.isTTY ? clearLine : ''}${what}. \`shardctl resume\` continues it.`);
}

function show(running: RunningChange, json: boolean): void {
  if (json) printLine(JSON.stringify({ event: 'progress', ...running }));
  else if (process.stdout.isTTY) print(clearLine + changeProgressText(running));
}

/** One line: phase, share of the slots, speed, time left, and what clients feel. */
export function changeProgressText(running: RunningChange): string {
  const { phase, slotsMoved, slotsTotal, rowsPerS, leftMs, p99BeforeMs, p99Ms, waitsFor } = running;
  const share = slotsTotal === 0 ? 100 : Math.floor((slotsMoved * 100) / slotsTotal);
  const left = leftMs === null ? '' : `  ${durationText(leftMs)} left`;
  const before = p99BeforeMs === null ? '–' : latencyText(p99BeforeMs).replace(/ ms$/, '');
  const felt = p99Ms === null ? '' : `  clients' p99 ${before} → ${latencyText(p99Ms)}`;
  const errors = `  errors ${countText(running.failuresBefore)} → ${countText(running.failuresLately)}`;
  const done = `${phase.padEnd(9)} ${String(share).padStart(3)} %`;
  if (phase === 'paused' || rowsPerS === null) return `${done}  until shardctl resume${felt}${errors}`;
  if (waitsFor !== null) return `${done}  ${waitsText(waitsFor)}${felt}${errors}`;
  return `${done}  ${countText(Math.round(rowsPerS))} rows/s${left}${felt}${errors}`;
}

function waitsText({ shard, hasFailed }: NonNullable<RunningChange['waitsFor']>): string {
  if (!hasFailed) return `for shard-${shard}, which is starting`;
  return `for shard-${shard}, which has failed: fix the cause, then shardctl restart shard-${shard}`;
}

function report(change: TopologyChange, last: RunningChange | undefined, json: boolean): void {
  if (json) printLine(JSON.stringify({ event: change.state, change, ...last }));
  else {
    if (process.stdout.isTTY) print(clearLine);
    if (change.state === 'done') printLine(doneText(change));
  }
  if (change.state === 'aborted')
    throw new CliFailure(
      exitCodes.failed,
      `The change was rolled back: ${change.reason}. The service is as before. Fix the cause and try again.`,
    );
}

function doneText({ kind, askedAtMs, beganAtMs, endedAtMs, done }: TopologyChange): string {
  const took = durationText((endedAtMs ?? askedAtMs) - (beganAtMs ?? askedAtMs));
  const moved = `${countOf(done.slots, 'slot')}, ${countOf(done.rows, 'row')}, ${bytesText(done.bytes)} moved`;
  const failed = countOf(done.failures, 'failed request');
  const frozen = `No slot was frozen for longer than ${done.freezeMaxMs.toFixed(1)} ms.`;
  return `${kind} is done in ${took}: ${moved}, ${failed}. ${frozen}`;
}
