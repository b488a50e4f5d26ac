/** What the system does to processes: a terminal that goes away, and file descriptors that run out. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test.each([
  ['partitioned', ['--shards', '2', '--routers', '1']],
  ['cloned', ['--strategy', 'cloned', '--clones', '2']],
] as const)('SIGHUP to every process of a %s service reloads it once, as the primary says', async (_, args) => {
  const service = await startService({ data: temporaryDirectory(), args: [...args] });
  const { processes } = await service.status();
  for (const { pid } of processes) process.kill(pid as number, 'SIGHUP');
  const reloads = () => service.said.filter((line) => line.includes('SIGHUP: reloaded')).length;
  while (reloads() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const after = (await service.status()).processes;
  expect(after.map(({ id, state }) => [id, state])).toEqual(processes.map(({ id }) => [id, 'ready']));
  expect(after[0]?.pid).toBe(processes[0]?.pid);
  for (const [index, { pid }] of after.entries()) if (index > 0) expect(pid).not.toBe(processes[index]?.pid);
  expect((await fetch(`${service.url}/v1/kv/key`, { method: 'PUT', body: 'value' })).status).toBe(201);
  expect((await service.end('SIGTERM')).code).toBe(0);
  expect(reloads()).toBe(1);
});

/** One connection that asks by hand. */
class Connection {
  readonly socket: Socket;
  isClosed = false;

  constructor(service: TestService) {
    this.socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.isClosed = true;
    });
    onTestFinished(() => {
      this.socket.destroy();
    });
  }

  /** First line of the answer; empty when the connection was closed instead. */
  async ask(): Promise<string> {
    this.socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n');
    const answer = await new Promise<string>((resolve) => {
      this.socket.once('data', (bytes: Buffer) => resolve(bytes.toString()));
      this.socket.once('close', () => resolve(''));
      if (this.isClosed) resolve('');
    });
    return answer.split('\r\n')[0] as string;
  }
}

test('when file descriptors run out, open connections go on, no process dies, and new ones are taken later', async () => {
  const service = await startService({
    data: temporaryDirectory(),
    args: ['--shards', '2', '--routers', '1'],
    before: 'ulimit -n 120',
  });
  await service.until('router-1', ({ memoryBytes }) => memoryBytes !== null);
  const early = Array.from({ length: 5 }, () => new Connection(service));
  for (const connection of early) expect(await connection.ask()).toBe('HTTP/1.1 200 OK');

  const flood = Array.from({ length: 300 }, () => new Connection(service));
  // Each is taken or closed.
  const answers = await Promise.all(flood.map((connection) => connection.ask()));
  expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 200 OK', '']));
  const before = await service.processStatus('router-1');
  await service.until('router-1', ({ uptimeMs }) => (uptimeMs ?? 0) > (before.uptimeMs ?? 0) + 3_000);
  for (const connection of early) expect(await connection.ask()).toBe('HTTP/1.1 200 OK');
  const { processes } = await service.status();
  expect(processes.map(({ id, state, restarts }) => [id, state, restarts])).toEqual(
    processes.map(({ id }) => [id, 'ready', 0]),
  );

  for (const { socket } of flood) socket.destroy();
  while ((await new Connection(service).ask()) === '') await new Promise((resolve) => setTimeout(resolve, 10));
  expect(service.said.some((line) => /120 files and connections/.test(line))).toBe(true);
  expect((await service.end('SIGTERM')).code).toBe(0);
});

const clockModule = fileURLToPath(new URL('../../dist/src/ports/clock.js', import.meta.url));
const healthModule = fileURLToPath(new URL('../../dist/src/supervision/health.js', import.meta.url));

test('a process without a free file descriptor tells its health as of before, and lives on', () => {
  const program = `
    import { openSync } from 'node:fs';
    import { HealthSampler } from ${JSON.stringify(healthModule)};
    import { systemClock } from ${JSON.stringify(clockModule)};
    const sampler = new HealthSampler(systemClock);
    const { memoryBytes: before } = sampler.sample(undefined);
    for (let isFull = false; !isFull; ) {
      try {
        openSync('/dev/null');
      } catch {
        isFull = true;
      }
    }
    const { memoryBytes } = sampler.sample(undefined);
    process.stdout.write(JSON.stringify({ before, memoryBytes }));
  `;
  const ended = spawnSync(
    '/bin/sh',
    ['-c', 'ulimit -n 60; exec "$0" --input-type=module -e "$1"', process.execPath, program],
    { encoding: 'utf8' },
  );
  expect([ended.status, ended.stderr]).toEqual([0, '']);
  const { before, memoryBytes } = JSON.parse(ended.stdout) as { before: number; memoryBytes: number };
  expect([before > 0, memoryBytes]).toEqual([true, before]);
});

test('the limit of open files is raised where the hard one allows it, in every process', async () => {
  const service = await startService({ data: temporaryDirectory(), before: 'ulimit -S -n 120' });
  const hard = (limits: string) => /^Max open files +(\d+) +(\d+) /m.exec(limits) as RegExpExecArray;
  for (const { pid } of (await service.status()).processes) {
    const [, soft, most] = hard(readFileSync(`/proc/${pid}/limits`, 'utf8'));
    expect(soft).toBe(most);
  }
  expect(service.said.some((line) => line.includes('files and connections'))).toBe(false);
});
