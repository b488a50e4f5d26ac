/**
 * `npm run bench:rebalance`: what clients feel while shards come and go. A million keys, 2 → 3 → 2 shards under 64
 * connections of mixed reads and writes that check every answer; then 2 → 3 on an idle service, as fast as it goes.
 */

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { askService, statusOfService } from '../src/admin/admin-client.ts';
import { ProgressBar } from '../src/cli/progress-bar.ts';
import { countText } from '../src/cli/quantity.ts';
import { tableOf } from '../src/cli/table.ts';
import { LatencyHistogram } from '../src/metrics/latency-histogram.ts';
import type { Rebalancer } from '../src/rebalance/rebalancer.ts';
import type { TopologyChange } from '../src/rebalance/topology-change.ts';
import { announcementOf } from './contestants/announcement.ts';
import { ContestantProcess } from './contestants/contestant-process.ts';
import { CheckingClients, fill } from './rebalance-clients.ts';

type Running = NonNullable<ReturnType<Rebalancer['status']>['running']>;
type Measured = {
  readonly title: string;
  readonly seconds: number;
  readonly last: Running;
  readonly rows: number;
  readonly p99Ms: number | null;
};

const shardctl = fileURLToPath(new URL('../src/cli/shardctl.js', import.meta.url));
const quietSeconds = 15;
const idleAfterSeconds = 5;

const { keys, json } = new Command('bench:rebalance')
  .description('Measures what clients feel while shards come and go.')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .option('--keys <N>', 'how many keys of 100 bytes', keysOf, 1_000_000)
  .option('--json', 'print one JSON object')
  .parse()
  .opts<{ keys: number; json?: boolean }>();

const data = mkdtempSync(join(tmpdir(), 'shardlite-rebalance-'));
process.on('exit', () => rmSync(data, { recursive: true, force: true }));
const startArgs = ['start', '--port', '0', '--data', data, '--shards', '2', '--routers', '1'];
const service = new ContestantProcess(
  { command: process.execPath, args: [shardctl, ...startArgs], env: {} },
  announcementOf,
);
const { url } = await service.ready();

const bar = new ProgressBar({ title: 'Filling', total: keys });
await fill(url, keys, (done) => bar.advanceTo(done));
bar.end();

const clients = new CheckingClients(url, keys);
await new Promise((resolve) => setTimeout(resolve, quietSeconds * 1_000));
const before = clients.takeLatencies();
const sizeBeforeBytes = fileBytes(1);

const added = await measured('2 → 3, beside clients', { kind: 'add-shard' });
// The counts are a second old at most, and nothing adds keys.
await new Promise((resolve) => setTimeout(resolve, 1_500));
const afterAdding = await shardsOf();
const slotsAfterAdding = afterAdding.map(({ slots }) => slots ?? 0);
const keysMoved = afterAdding.find(({ id }) => id === 'shard-3')?.keys ?? 0;
const shrunkBytes = await settledFileBytes(1);
const removed = await measured('3 → 2, beside clients', { kind: 'remove-shard', shard: 3 });
const { answers, failures, wrong } = await clients.finish();
// Idle is a service that has heard of nobody for some seconds.
await new Promise((resolve) => setTimeout(resolve, idleAfterSeconds * 1_000));
const idle = await measured('2 → 3, idle', { kind: 'add-shard' });
await service.stop();

const beforeP99Ms = LatencyHistogram.percentileMs([before], 99) ?? 0;
const leastShare = 1 / 3;
const movedShare = keysMoved / keys;
const targets = [
  target('failed or wrong answers', '0', String(failures + wrong), failures + wrong === 0),
  target(
    'keys moved ÷ least possible',
    '0.99 to 1.01',
    (movedShare / leastShare).toFixed(3),
    Math.abs(movedShare / leastShare - 1) <= 0.01,
  ),
  target('balance after, in slots', '≤ 1', String(spread(slotsAfterAdding)), spread(slotsAfterAdding) <= 1),
  ...[added, removed].flatMap(({ title, last, p99Ms }) => [
    target(`${title}: freeze, median`, '≤ 20 ms', ms(last.freezeMedianMs), (last.freezeMedianMs ?? 0) <= 20),
    target(`${title}: freeze, longest`, '≤ 100 ms', ms(last.freezeMaxMs), (last.freezeMaxMs ?? 0) <= 100),
    target(
      `${title}: p99 ÷ before`,
      '≤ 1.8',
      ((p99Ms ?? 0) / beforeP99Ms).toFixed(2),
      (p99Ms ?? 0) <= 1.8 * beforeP99Ms,
    ),
  ]),
  target(
    'idle: rows a second',
    '≥ 150,000',
    countText(Math.round(idle.rows / idle.seconds)),
    idle.rows / idle.seconds >= 150_000,
  ),
  target(
    "the giver's file, after ÷ before",
    '< 1',
    (shrunkBytes / sizeBeforeBytes).toFixed(2),
    shrunkBytes < sizeBeforeBytes,
  ),
];
if (json)
  console.log(
    JSON.stringify({ keys, answers, failures, wrong, beforeP99Ms, changes: [added, removed, idle], targets }),
  );
else {
  console.log(
    `${countText(keys)} keys of 100 bytes, 64 connections; ${countText(answers)} answers checked; clients' p99 before ${ms(beforeP99Ms)}\n`,
  );
  console.log(
    tableOf(
      [
        { title: 'change', align: 'left', cell: ({ title }) => title },
        { title: 'took', align: 'right', cell: ({ seconds }) => `${seconds.toFixed(1)} s` },
        { title: 'rows', align: 'right', cell: ({ rows }) => countText(rows) },
        {
          title: 'rows/s',
          align: 'right',
          cell: ({ rows, seconds }) => countText(Math.round(rows / seconds)),
        },
        { title: "clients' p99", align: 'right', cell: ({ p99Ms }) => ms(p99Ms) },
        { title: 'freeze median', align: 'right', cell: ({ last }) => ms(last.freezeMedianMs) },
        { title: 'longest', align: 'right', cell: ({ last }) => ms(last.freezeMaxMs) },
      ],
      [added, removed, idle],
    ),
  );
  console.log(
    `\n${tableOf(
      [
        { title: 'target', align: 'left', cell: ({ what }) => what },
        { title: 'wanted', align: 'right', cell: ({ wanted }) => wanted },
        { title: 'found', align: 'right', cell: ({ found }) => found },
        { title: '', align: 'left', cell: ({ isReached }) => (isReached ? 'reached' : 'not reached') },
      ],
      targets,
    )}`,
  );
}

async function measured(title: string, request: unknown): Promise<Measured> {
  clients.takeLatencies();
  const beganAtMs = performance.now();
  const { id } = (await askService(data, 'POST', '/v1/changes', request)).body as { id: number };
  let last: Running | undefined;
  let change: TopologyChange | undefined;
  for (;;) {
    const { running } = (await askService(data, 'GET', '/v1/moves')).body as ReturnType<Rebalancer['status']>;
    if (running?.id === id) last = running;
    change = ((await askService(data, 'GET', '/v1/changes')).body as TopologyChange[]).find((one) => one.id === id);
    if (change?.state === 'done' && last !== undefined) break;
    if (change?.state === 'aborted') throw new Error(`the change was undone: ${change.reason}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const seconds = (performance.now() - beganAtMs) / 1_000;
  return {
    title,
    seconds,
    last,
    rows: change.done.rows,
    p99Ms: LatencyHistogram.percentileMs([clients.takeLatencies()], 99),
  };
}

async function shardsOf() {
  return (await statusOfService(data)).processes.filter(({ role }) => role === 'shard');
}

function spread(slots: readonly number[]): number {
  return Math.max(...slots) - Math.min(...slots);
}

/** From outside, without opening it: opening it here would be no harm, in the service it would. */
function fileBytes(shard: number): number {
  return statSync(join(data, `shard-${shard}.sqlite`)).size;
}

/** Once it shrinks no further. */
async function settledFileBytes(shard: number): Promise<number> {
  for (let size = fileBytes(shard); ; ) {
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const next = fileBytes(shard);
    if (next >= size) return next;
    size = next;
  }
}

function target(what: string, wanted: string, found: string, isReached: boolean) {
  return { what, wanted, found, isReached };
}

function ms(value: number | null): string {
  return value === null ? '–' : `${value.toPrecision(3)} ms`;
}

function keysOf(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1_000) throw new InvalidArgumentError('It must be a whole number from 1000.');
  return count;
}
