/** The service as a whole: its start, its ends, wanted and unwanted, and what is left behind. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { processState } from '../support/process-state.ts';
import { RecordingClients } from '../support/recording-clients.ts';
import { shardctl, shardctlPath, startService, type TestService } from '../support/service.ts';
import { Stopwatch } from '../support/stopwatch.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

function clientsOf(service: TestService): RecordingClients {
  return new RecordingClients({
    url: service.url,
    clients: 32,
    keysOf: (index) => Array.from({ length: 5 }, (_, key) => `client${index}-${key}`),
  });
}

function isAlive(pid: number): boolean {
  return processState(pid) !== 'gone';
}

test('SIGKILL of every process under load loses no acknowledged write', async () => {
  const data = temporaryDirectory();
  const first = await startService({ data });
  const clients = clientsOf(first);
  await clients.acknowledges(5_000);
  const { processes } = await first.status();
  for (const { pid } of processes) process.kill(pid as number, 'SIGKILL');
  await clients.finish();

  const second = await startService({ data });
  const { keys, mistakes } = await clients.verify(second.url);
  expect(keys).toBe(32 * 5);
  expect(mistakes).toEqual([]);
});

test('a second after SIGKILL of the primary no process is left, and a new start has every acknowledged write', async () => {
  const data = temporaryDirectory();
  const first = await startService({ data, args: ['--shards', '3', '--routers', '2'] });
  const clients = clientsOf(first);
  await clients.acknowledges(5_000);
  const pids = (await first.status()).processes.map(({ pid }) => pid as number);
  expect(pids).toHaveLength(6);

  const watch = new Stopwatch();
  await first.end('SIGKILL');
  await expect.poll(() => pids.filter(isAlive), { interval: 10 }).toEqual([]);
  expect(watch.stop()).toBeLessThan(1_000);

  await clients.finish();
  const second = await startService({ data });
  expect((await clients.verify(second.url)).mistakes).toEqual([]);
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s under load drains, exits 0 within 5 s, and loses nothing',
  async (signal) => {
    const data = temporaryDirectory();
    const first = await startService({ data });
    const clients = clientsOf(first);
    await clients.acknowledges(2_000);

    const { code, tookMs } = await first.end(signal);
    expect(code).toBe(0);
    expect(tookMs).toBeLessThan(5_000);
    await clients.finish();
    // Connections end; no request that was taken on is answered with an error.
    expect(clients.failures.filter((failure) => /^\d/.test(failure))).toEqual([]);

    for (const name of ['shard-1.sqlite-wal', 'shard-2.sqlite-wal', 'run/admin.sock']) {
      expect(existsSync(join(data, name)), name).toBe(false);
    }
    const second = await startService({ data });
    expect((await clients.verify(second.url)).mistakes).toEqual([]);
  },
);

test('a signal during the start stops it cleanly', async () => {
  const data = temporaryDirectory();
  const child = spawn(process.execPath, [shardctlPath, 'start', '--port', '0', '--data', data], { stdio: 'ignore' });
  while (!existsSync(join(data, 'run', 'admin.sock'))) await new Promise((resolve) => setTimeout(resolve, 2));
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).toBe(0);
});

test('a second service on the same data directory is refused in one sentence, and the first does not notice', async () => {
  const data = temporaryDirectory();
  const first = await startService({ data });
  // Its port is taken too, by that very service: another --port would not help.
  for (const port of ['0', new URL(first.url).port]) {
    const { code, stderr } = await shardctl(['start', '--port', port, '--data', data]);
    expect(code).toBe(1);
    expect(stderr).toContain(`A service already runs on the data directory ${data}`);
  }
  expect((await first.status()).state).toBe('ready');
});

test('a taken port is told in one sentence, and no process is left', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as { port: number };
  const { code, stderr } = await shardctl(['start', '--port', String(port), '--data', temporaryDirectory()]);
  taken.close();
  expect(code).toBe(1);
  expect(stderr).toBe(
    `shardctl: Port ${port} on 127.0.0.1 is already in use. Choose another with --port, or 0 for any free one.\n`,
  );
});

test('another number of shards than the data directory has is refused', async () => {
  const data = temporaryDirectory();
  const service = await startService({ data, args: ['--shards', '2'] });
  await service.end('SIGTERM');
  const { code, stderr } = await shardctl(['start', '--port', '0', '--data', data, '--shards', '3']);
  expect([code, stderr]).toEqual([1, expect.stringContaining('has 2 shards, not 3')]);
});

test('a data directory whose path is too long for sockets is refused with its length', async () => {
  const data = join(temporaryDirectory(), 'x'.repeat(100));
  const { code, stderr } = await shardctl(['start', '--port', '0', '--data', data]);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/too long for Unix sockets.* 107 are allowed/)]);
});

test('the shard file of another service is refused by its shard, and the others serve', async () => {
  const [here, elsewhere] = [temporaryDirectory(), temporaryDirectory()];
  for (const data of [here, elsewhere]) await (await startService({ data, args: ['--shards', '2'] })).end('SIGTERM');
  renameSync(join(elsewhere, 'shard-1.sqlite'), join(here, 'shard-1.sqlite'));
  const service = await startService({ data: here });
  expect((await service.processStatus('shard-1')).state).toBe('failed');
  expect((await service.processStatus('shard-2')).state).toBe('ready');
  expect(service.said.join('\n')).toContain('belongs to shard 1 of service');
});

test('files and sockets are for their user alone', async () => {
  const data = join(temporaryDirectory(), 'data');
  mkdirSync(data, { mode: 0o755 });
  await startService({ data });
  const modeOf = (name: string) => statSync(join(data, name)).mode & 0o777;
  expect(modeOf('run')).toBe(0o700);
  for (const name of ['run/admin.sock', 'meta.sqlite', 'shard-1.sqlite']) expect(modeOf(name) & 0o077, name).toBe(0);
});
