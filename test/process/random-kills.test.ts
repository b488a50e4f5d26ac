/**
 * Random kills and stops while shards come and go and clients share hot keys: the recorded history must be
 * linearizable, and every row must be where it belongs in the end. `npm run soak -- --minutes N` does it for longer.
 */

import { expect, test } from 'vitest';
import { askService } from '../../src/admin/admin-client.ts';
import type { Rebalancer } from '../../src/rebalance/rebalancer.ts';
import { HistoryClients } from '../support/history-clients.ts';
import { historyReport } from '../support/history-report.ts';
import { checkHistory } from '../support/linearizability.ts';
import { processState } from '../support/process-state.ts';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const soakMinutes = Number(process.env['SHARDLITE_SOAK_MINUTES'] ?? 0);
const killsWanted = 100;
const backgroundKeys = 8_000;
/** Of two routers one may know a ring that the other does not. */
const ways = [
  { reads: 'forwarded', serviceArgs: ['--routers', '1', '--healthy-after-ms', '100'] },
  { reads: 'direct', serviceArgs: ['--routers', '2', '--reads', 'direct', '--healthy-after-ms', '100'] },
] as const;

type MovesView = ReturnType<Rebalancer['status']>;

async function isMoving(service: TestService): Promise<boolean> {
  try {
    const { running } = (await askService(service.data, 'GET', '/v1/moves')).body as MovesView;
    return running !== undefined && running.phase !== 'planning' && running.phase !== 'paused';
  } catch {
    return false;
  }
}

/** Adds and removes a shard, over and over, until told to stop. */
class ComingAndGoing {
  isOver = false;
  changes = 0;
  readonly ended: Promise<void>;

  constructor(service: () => TestService) {
    this.ended = this.#run(service);
  }

  async #run(service: () => TestService): Promise<void> {
    while (!this.isOver) {
      try {
        const { data } = service();
        const { processes } = await service().status();
        const shards = processes.filter(({ role }) => role === 'shard');
        const newest = Math.max(...shards.map(({ id }) => Number(id.slice('shard-'.length))));
        const request = shards.length > 2 ? { kind: 'remove-shard', shard: newest } : { kind: 'add-shard' };
        const { open } = (await askService(data, 'GET', '/v1/moves')).body as MovesView;
        if (open.length === 0 && (await askService(data, 'POST', '/v1/changes', request)).status === 202)
          this.changes++;
      } catch {
        // The primary was just killed: its successor will be asked.
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function fill(url: string): Promise<void> {
  for (let first = 0; first < backgroundKeys; first += 100) {
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        fetch(`${url}/v1/kv/background-${first + index}`, { method: 'PUT', body: 'x'.repeat(100) }),
      ),
    );
  }
}

test.each(ways)(
  'random kills while shards come and go, reads $reads: the history is linearizable, and every row is where it belongs',
  {
    timeout: (soakMinutes + 6) * 60_000,
  },
  async ({ serviceArgs }) => {
    const data = temporaryDirectory();
    let service = await startService({ data, args: ['--shards', '2', ...serviceArgs] });
    await fill(service.url);
    // So that a change takes long enough to be hit.
    await askService(data, 'POST', '/v1/moves', { kind: 'throttle', setting: { kind: 'rows-per-s', rowsPerS: 4_000 } });
    const clients = new HistoryClients({
      url: () => service.url,
      clients: 12,
      keys: Array.from({ length: 40 }, (_, key) => `hot-${key}`),
    });
    const topology = new ComingAndGoing(() => service);

    const untilMs = performance.now() + soakMinutes * 60_000;
    const hits = { kills: 0, duringMove: 0, primary: 0, router: 0, shard: 0, stops: 0 };
    while (hits.kills < killsWanted || performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 150));
      for (let wait = 0; wait < 200 && !(await isMoving(service)); wait++)
        await new Promise((resolve) => setTimeout(resolve, 5));
      const { processes } = await service.status();
      const dice = Math.random();
      const role = dice < 0.05 ? 'primary' : dice < 0.15 ? 'router' : 'shard';
      const candidates = processes.filter((process) => process.role === role && process.pid !== null);
      const victim = candidates[Math.floor(Math.random() * candidates.length)];
      if (victim?.pid == null) continue;
      hits.kills++;
      if (await isMoving(service)) hits.duringMove++;
      if (processState(victim.pid) === 'gone') continue;
      if (role !== 'primary' && Math.random() < 0.3) {
        hits.stops++;
        process.kill(victim.pid, 'SIGSTOP');
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 400));
        if (processState(victim.pid) !== 'gone') process.kill(victim.pid, 'SIGCONT');
        continue;
      }
      hits[role]++;
      process.kill(victim.pid, 'SIGKILL');
      if (role !== 'primary') continue;
      await service.ended;
      service = await startService({ data, args: serviceArgs });
      await askService(data, 'POST', '/v1/moves', {
        kind: 'throttle',
        setting: { kind: 'rows-per-s', rowsPerS: 4_000 },
      });
    }
    topology.isOver = true;
    await topology.ended;
    await clients.finish();
    console.log(
      `${clients.history.length} operations, ${topology.changes} changes, ${JSON.stringify(hits)}, server errors ${JSON.stringify([...clients.serverErrors])}`,
    );

    const verdict = checkHistory(clients.history);
    expect(verdict.ok, verdict.ok === false ? historyReport(verdict) : 'the checker gave up').toBe(true);
    expect(hits.duringMove / hits.kills).toBeGreaterThanOrEqual(0.9);

    // Thirty seconds after the last fault nothing is open and nothing is astray.
    await askService(data, 'POST', '/v1/moves', { kind: 'throttle', setting: { kind: 'automatic' } });
    const deadlineMs = performance.now() + 30_000;
    const isQuiet = async () => {
      const { open } = (await askService(data, 'GET', '/v1/moves')).body as MovesView;
      return open.length === 0 && (await service.status()).processes.every(({ state }) => state === 'ready');
    };
    while (!(await isQuiet()) && performance.now() < deadlineMs)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await isQuiet()).toBe(true);
    const verified = await shardctl(['verify', '--data', data]);
    expect([verified.code, verified.stderr, verified.stdout]).toEqual([
      0,
      '',
      expect.stringContaining('Every row is where it belongs.'),
    ]);
  },
);
