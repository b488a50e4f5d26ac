/** What Prometheus gets to see of a real service, and what the dashboard and the alerts make of it. */

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { metricNames, metricOf } from '../../src/metrics/metric-table.ts';
import { freePort } from '../support/free-port.ts';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { Stopwatch } from '../support/stopwatch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const root = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;
if (!hasPromtool)
  console.warn('SKIPPED: promtool is not installed (Debian: prometheus), so nothing checks the format.');

function promtool(args: readonly string[], input = ''): void {
  const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' });
  expect({ status, complaints: stderr }, stdout).toEqual({ status: 0, complaints: '' });
}

type Series = { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number };

async function textOf(service: TestService): Promise<string> {
  const { adminUrl } = await service.status();
  return (await fetch(`${adminUrl}/metrics`)).text();
}

async function scrape(service: TestService): Promise<readonly Series[]> {
  const lines = (await textOf(service)).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, text]) => [label, text]);
    return { name, labels: Object.fromEntries(pairs), value: Number(value) };
  });
}

function sumOf(series: readonly Series[], name: string, wanted: Readonly<Record<string, string>> = {}): number {
  return series
    .filter((one) => one.name === name && Object.entries(wanted).every(([label, text]) => one.labels[label] === text))
    .reduce((sum, { value }) => sum + value, 0);
}

async function write(service: TestService, keys: number, query = ''): Promise<void> {
  const puts = Array.from({ length: keys }, (_, index) =>
    fetch(`${service.url}/v1/kv/key-${index}${query}`, { method: 'PUT', body: 'value' }),
  );
  for (const put of puts) expect((await put).ok).toBe(true);
}

describe('a scrape', () => {
  test('tells of every process, in the format, everything that the dashboard, the alerts and the page ask for', async () => {
    const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '2'] });
    await write(service, 20);
    const text = await textOf(service);
    if (hasPromtool) promtool(['check', 'metrics'], text);
    const described = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => [name, type]);
    expect(described).toEqual(metricNames.map((name) => [name, metricOf(name).type]));

    const names = new Set((await scrape(service)).map(({ name }) => name));
    for (const file of ['ops/grafana.json', 'ops/alerts.yml', 'docs/operations/metrics.md']) {
      const asked = [...new Set(readFileSync(root(file), 'utf8').match(/\bshardlite_\w+/g))];
      expect(asked.length, file).toBeGreaterThan(10);
      // The page names histograms by their name alone.
      const missing = asked.filter((name) => !names.has(name) && !names.has(`${name}_bucket`));
      expect(missing, file).toEqual([]);
    }
    const processes = new Set((await scrape(service)).flatMap(({ labels }) => labels['process'] ?? []));
    expect([...processes].sort()).toEqual(['primary', 'router-1', 'router-2', 'shard-1', 'shard-2']);
  });

  test('counts every request once, whichever router had it, and every write in one commit', async () => {
    const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '2'] });
    await write(service, 50);
    for (let index = 0; index < 30; index++) await (await fetch(`${service.url}/v1/kv/key-${index}`)).arrayBuffer();
    for (let index = 0; index < 7; index++) await fetch(`${service.url}/v1/kv/none-${index}`);
    await fetch(`${service.url}/nowhere`);
    const series = await scrape(service);
    const requests = (labels: Readonly<Record<string, string>>) =>
      sumOf(series, 'shardlite_http_requests_total', labels);
    const route = '/v1/kv/{key}';
    expect(requests({ method: 'PUT', route, status: '2xx' })).toBe(50);
    expect(requests({ method: 'GET', route, status: '2xx' })).toBe(30);
    expect(requests({ method: 'GET', route, status: '4xx' })).toBe(7);
    expect(requests({ method: '', route: '', status: '4xx' })).toBe(1);
    expect(requests({ status: '5xx' })).toBe(0);
    for (const suffix of ['count', 'bucket']) {
      const le = suffix === 'bucket' ? { le: '+Inf' } : {};
      const durations = sumOf(series, `shardlite_http_request_duration_seconds_${suffix}`, { route, ...le });
      expect(durations).toBe(87);
    }
    for (const [operation, done] of Object.entries({ read: 37, write: 50 })) {
      for (const role of ['router', 'shard']) {
        const ofRole = series.filter(({ labels }) => labels['process']?.startsWith(role));
        expect(sumOf(ofRole, 'shardlite_operation_duration_seconds_count', { operation }), role).toBe(done);
      }
    }
    expect(sumOf(series, 'shardlite_commit_writes_sum')).toBe(50);
    const commits = sumOf(series, 'shardlite_commit_writes_count');
    expect(commits).toBeGreaterThan(0);
    expect(sumOf(series, 'shardlite_commit_duration_seconds_count')).toBeGreaterThanOrEqual(commits);
    expect(sumOf(series, 'shardlite_slots')).toBe(16_384);
  });

  test('tells of expiry, of a death and its restart, and of moves', async () => {
    const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
    await write(service, 40, '?ttl=1');
    await fetch(`${service.url}/v1/kv/lasting`, { method: 'PUT', body: 'value' });
    const until = async (name: string, wanted: number) => {
      while (sumOf(await scrape(service), name) < wanted) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    await until('shardlite_expired_keys_total', 40);
    expect(sumOf(await scrape(service), 'shardlite_expired_backlog_seconds')).toBe(0);

    await service.kill('shard-2');
    await service.until('shard-2', ({ restarts, state }) => restarts === 1 && state === 'ready');
    const restarts = (await scrape(service)).filter(({ name }) => name === 'shardlite_process_restarts_total');
    expect(restarts.filter(({ value }) => value > 0)).toMatchObject([{ labels: { process: 'shard-2' }, value: 1 }]);
    expect((await service.processStatus('shard-2')).lastDeath).toMatchObject({ reason: 'SIGKILL' });

    expect((await shardctl(['add-shard', '--yes', '--data', service.data])).code).toBe(0);
    const series = await scrape(service);
    expect(sumOf(series, 'shardlite_moved_slots_total')).toBe(5_461);
    expect(sumOf(series, 'shardlite_move_freeze_seconds_count')).toBeGreaterThan(0);
    expect(sumOf(series, 'shardlite_slots', { process: 'shard-3' })).toBe(5_461);
    expect(sumOf(series, 'shardlite_changes_open')).toBe(0);
  });

  test('leaves out a process that hangs, and does not wait for it', async () => {
    const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
    await service.kill('shard-1', 'SIGSTOP');
    const watch = new Stopwatch();
    const series = await scrape(service);
    expect(watch.stop()).toBeLessThan(5_000);
    const whoCommitted = series.filter(({ name }) => name === 'shardlite_commit_writes_count');
    expect(whoCommitted.map(({ labels }) => labels['process'])).toEqual(['shard-2']);
    await service.kill('shard-1', 'SIGCONT');
  });

  test.each([
    ['single', []],
    ['cloned', ['--clones', '2']],
  ])('of a service that is %s tells of its requests and of the file', async (strategy, args) => {
    const service = await startService({ data: temporaryDirectory(), args: ['--strategy', strategy, ...args] });
    await write(service, 12);
    await service.until('clone-1', ({ reads }) => reads !== null);
    while ((await service.status()).stored?.keys !== 12) await new Promise((resolve) => setTimeout(resolve, 20));
    const series = await scrape(service);
    expect(sumOf(series, 'shardlite_http_requests_total', { method: 'PUT', status: '2xx' })).toBe(12);
    expect(sumOf(series, 'shardlite_operation_duration_seconds_count', { operation: 'write' })).toBe(12);
    expect(sumOf(series, 'shardlite_commit_writes_sum')).toBe(12);
    expect(sumOf(series, 'shardlite_keys')).toBe(12);
    expect(sumOf(series, 'shardlite_file_bytes')).toBeGreaterThan(4_000);
  });
});

describe('the admin port', () => {
  test('answers under loopback names alone: a web page cannot make its own name point here', async () => {
    const service = await startService({ data: temporaryDirectory(), args: ['--shards', '1', '--routers', '1'] });
    const { port } = new URL((await service.status()).adminUrl as string);
    const answer = (host: string) => {
      const { stdout } = spawnSync('curl', ['-sw', '%{http_code}', '-H', `host: ${host}`, `127.0.0.1:${port}/metrics`]);
      return stdout.toString().slice(-3);
    };
    expect([answer('127.0.0.1'), answer(`localhost:${port}`), answer('evil.example')]).toEqual(['200', '200', '421']);
  });

  test('is not there when it is off', async () => {
    const args = ['--shards', '1', '--routers', '1', '--admin-port', 'off'];
    const service = await startService({ data: temporaryDirectory(), args });
    expect((await service.status()).adminUrl).toBeNull();
  });

  test('that somebody else has is told in one sentence, where it was asked for', async () => {
    const { port } = await takenPort();
    const data = temporaryDirectory();
    const refused = await shardctl(['start', '--port', '0', '--data', data, '--admin-port', String(port)]);
    expect(refused).toMatchObject({
      code: 1,
      stderr: `shardctl: Port ${port} on 127.0.0.1 is already in use. Choose another with --admin-port, or 0 for any free one.\n`,
    });
    const same = await shardctl(['start', '--port', '4711', '--data', data, '--admin-port', '4711']);
    expect(same).toMatchObject({
      code: 1,
      stderr: 'shardctl: --port and --admin-port are both 4711. Choose two different ports.\n',
    });
  });

  test('is the one after the service, or any free one when a neighbour has that', async () => {
    const neighbour = await takenPort();
    const args = ['--shards', '1', '--routers', '1', '--port', String(neighbour.port - 1)];
    const service = await startService({ data: temporaryDirectory(), args });
    const { adminUrl } = await service.status();
    expect(adminUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(adminUrl).not.toBe(`http://127.0.0.1:${neighbour.port}`);
    expect((await fetch(`${adminUrl}/metrics`)).status).toBe(200);
    await service.end('SIGTERM');
    await neighbour.close();
    const again = await startService({ data: service.data, args: ['--port', String(neighbour.port - 1)] });
    expect((await again.status()).adminUrl).toBe(`http://127.0.0.1:${neighbour.port}`);
  });
});

test.skipIf(!hasPromtool)('the alerts are what Prometheus takes', () => {
  promtool(['check', 'rules', root('ops/alerts.yml')]);
});

/** The port before it is free, too. */
async function takenPort(): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  const port = await freePort({ with: [-1] });
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  onTestFinished(close);
  return { port, close };
}
