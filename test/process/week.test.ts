/**
 * A week in ten minutes: the calendar of the service runs a thousand times faster, values expire, names are forgotten,
 * watchers come and go, shards too, and processes are killed. What a process or a file takes must be level after the
 * first third. Only `npm run soak -- --minutes N` runs it: a short run says nothing of growth.
 */

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { askService } from '../../src/admin/admin-client.ts';
import type { ProcessStatus } from '../../src/admin/contract.ts';
import { Figures, type Series, type Verdict, verdictOn } from '../support/level-figures.ts';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { WeekLoad } from '../support/week-load.ts';

const soakMinutes = Number(process.env['SHARDLITE_SOAK_MINUTES'] ?? 0);
const weekMinutes = 7 * 24 * 60;
const lookIntervalMs = 1_000;
const topologyIntervalMs = 4_000;
const killIntervalMs = 7_000;
/** These live the whole week, so that what they gather is seen. */
const neverKilled = ['primary', 'router-1', 'shard-1'];

const MiB = 2 ** 20;
/** By the last word of a figure's name: what it varies by anyway. */
const slacks: Readonly<Record<string, number>> = { memory: 24 * MiB, descriptors: 10, files: 3 * MiB, logs: 64 * MiB };

/** Again and again while the week lasts; the first time after one interval. */
async function repeat(untilMs: number, intervalMs: number, step: () => Promise<void>): Promise<void> {
  while (performance.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, intervalMs));
    await step();
  }
}

function bytesIn(directory: string, isCounted: (name: string) => boolean): number {
  let sum = 0;
  for (const name of readdirSync(directory).filter(isCounted)) {
    sum += statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return sum;
}

function descriptorsOf(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return undefined;
  }
}

async function look(service: TestService, figures: Figures): Promise<void> {
  const { processes } = await service.status();
  for (const { id, pid, memoryBytes } of processes) {
    const descriptors = pid === null ? undefined : descriptorsOf(pid);
    if (memoryBytes !== null) figures.note(`${id} memory`, memoryBytes);
    if (descriptors !== undefined) figures.note(`${id} descriptors`, descriptors);
  }
  figures.note(
    'shard files',
    bytesIn(service.data, (name) => /^shard-\d+\.sqlite$/.test(name)),
  );
  figures.note(
    'meta files',
    bytesIn(service.data, (name) => name === 'meta.sqlite'),
  );
  // Of meta.sqlite and three shards. Each has up to 16 MiB before it is folded, and keeps the room that it took.
  figures.note(
    'logs',
    bytesIn(service.data, (name) => name.endsWith('.sqlite-wal')),
  );
  figures.note('sockets descriptors', readdirSync(join(service.data, 'run')).length);
}

async function changeTopology(service: TestService): Promise<void> {
  const shards = (await service.status()).processes.filter(({ role }) => role === 'shard');
  const newest = Math.max(...shards.map(({ id }) => Number(id.slice('shard-'.length))));
  const request = shards.length > 2 ? { kind: 'remove-shard', shard: newest } : { kind: 'add-shard' };
  await askService(service.data, 'POST', '/v1/changes', request);
}

async function killOne(service: TestService): Promise<void> {
  const { processes } = await service.status();
  const mortal = processes.filter(({ id, pid }) => pid !== null && !neverKilled.includes(id));
  const victim = mortal[Math.floor(Math.random() * mortal.length)] as ProcessStatus;
  process.kill(victim.pid as number, 'SIGKILL');
}

function judged(series: Series): Verdict {
  return verdictOn(series, slacks[series.name.split(' ').at(-1) as string] as number);
}

function lineOf({ name, middle, end, isLevel }: Verdict): string {
  const unit = name.endsWith('descriptors') ? 1 : MiB;
  return `${name.padEnd(24)} ${(middle / unit).toFixed(1).padStart(8)} → ${(end / unit).toFixed(1).padStart(8)}${isLevel ? '' : '  GROWS'}`;
}

test.skipIf(soakMinutes === 0)(
  'in a week nothing grows: not files, not memory, not descriptors',
  {
    timeout: (soakMinutes + 3) * 60_000,
  },
  async () => {
    const data = temporaryDirectory();
    const clock = fileURLToPath(new URL('../support/odd-clock.cjs', import.meta.url));
    const service = await startService({
      data,
      args: ['--shards', '2', '--routers', '2', '--healthy-after-ms', '100'],
      env: {
        NODE_OPTIONS: `--require ${clock}`,
        SHARDLITE_CALENDAR_SPEED: String(weekMinutes / soakMinutes),
        SHARDLITE_CALENDAR_ORIGIN: String(Date.now()),
      },
    });
    const load = new WeekLoad({ url: service.url, requestsPerS: 400, watchers: 8 });
    const figures = new Figures();
    const untilMs = performance.now() + soakMinutes * 60_000;
    let [kills, changes] = [0, 0];
    await Promise.all([
      repeat(untilMs, lookIntervalMs, () => look(service, figures)),
      repeat(untilMs, topologyIntervalMs, async () => {
        await changeTopology(service);
        changes++;
      }),
      repeat(untilMs, killIntervalMs, async () => {
        await killOne(service);
        kills++;
      }),
    ]);
    await load.end();

    const looks = (soakMinutes * 60_000) / lookIntervalMs;
    const verdicts = figures.series(looks / 2).map(judged);
    const failures = JSON.stringify(Object.fromEntries(load.failures));
    console.log(
      `${load.requests} requests, ${load.events} events, ${changes} changes, ${kills} kills; failed: ${failures}`,
    );
    console.log(verdicts.map(lineOf).join('\n'));
    expect(verdicts.map(({ name }) => name)).toEqual(
      expect.arrayContaining([...neverKilled.map((id) => `${id} memory`), 'shard files']),
    );
    expect(verdicts.filter(({ isLevel }) => !isLevel)).toEqual([]);

    await askService(data, 'POST', '/v1/moves', { kind: 'throttle', setting: { kind: 'automatic' } });
    const standing = async () => {
      const { state, processes, moves } = await service.status();
      return [state, moves.open, processes.filter((process) => process.state !== 'ready')];
    };
    await expect.poll(standing, { timeout: 60_000 }).toEqual(['ready', [], []]);
    const { code, stdout, stderr } = await shardctl(['verify', '--data', data]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('Every row is where it belongs.');
  },
);
