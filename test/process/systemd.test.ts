/** The service under systemd: its units, a socket that outlives it, and what it tells. Without systemd as process 1. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { statusOfService } from '../../src/admin/admin-client.ts';
import type { ProcessStatus, ServiceStatus } from '../../src/admin/contract.ts';
import { freePort } from '../support/free-port.ts';
import { shardctl, shardctlPath, startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** Says aloud what is left out where a program is missing. */
function isMissing(...programs: string[]): boolean {
  const missing = programs.filter((name) => spawnSync('which', [name]).status !== 0);
  if (missing.length > 0) console.warn(`SKIPPED: there is no ${missing.join(', ')}`);
  return missing.length > 0;
}

function started(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): ChildProcess {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

async function until<T>(look: () => Promise<T | undefined> | T | undefined): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('systemd finds nothing wrong with the units', async () => {
  if (isMissing('systemd-analyze')) return;
  const folder = temporaryDirectory();
  for (const kind of ['service', 'socket']) {
    const { code, stdout } = await shardctl([
      'systemd',
      kind,
      '--user',
      'root',
      '--data',
      join(folder, 'da ta $1 100%'),
    ]);
    expect(code).toBe(0);
    writeFileSync(join(folder, `shardlite.${kind}`), stdout);
  }
  const units = ['service', 'socket'].map((kind) => join(folder, `shardlite.${kind}`));
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...units], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});

test.each([
  [['service', '--user', 'a b'], '--user is "a b", but must be the name of a user, such as shardlite.'],
  [['socket', '--listen', '7700'], '--listen is "7700", but must be an address and a port'],
  [['timer'], 'Allowed choices are service, socket.'],
])('wrong usage of systemd %j exits 2 and says what is allowed', async (args, sentence) => {
  expect(await shardctl(['systemd', ...args])).toMatchObject({ code: 2, stderr: expect.stringContaining(sentence) });
});

/** Over a connection of its own. Resolves with the status, or with the error's code. */
function ask(port: number): Promise<number | string> {
  return new Promise((resolve) => {
    const outgoing = request({ port, host: '127.0.0.1', path: '/v1/kv/key', agent: false }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode as number));
    });
    outgoing.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code as string));
    outgoing.end();
  });
}

test('with a socket of systemd no connection is refused while the whole service is stopped and started again', async () => {
  if (isMissing('systemd-socket-activate')) return;
  const data = temporaryDirectory();
  const over = join(data, 'over');
  // As systemd does: whoever holds the socket starts the service whenever it has ended.
  const again = `until [ -e "$0" ]; do sh -c 'LISTEN_PID=$$ exec "$@"' sh "$@"; done`;
  const service = [process.execPath, shardctlPath, 'start', '--data', data, '--shards', '1', '--routers', '2'];
  const port = await freePort();
  const holder = started('systemd-socket-activate', [
    `--listen=127.0.0.1:${port}`,
    '--setenv=SHARDLITE_RESERVE_BYTES=64KiB',
    ...['sh', '-c', again, over, ...service],
  ]);
  const said = createInterface({ input: holder.stderr as NodeJS.ReadableStream });
  await new Promise<void>((resolve) => said.on('line', (line) => line.startsWith('Listening on') && resolve()));
  onTestFinished(async () => {
    writeFileSync(over, '');
    await shardctl(['stop', '--data', data]);
  });
  // This connection starts it, and waits meanwhile.
  expect(await ask(port)).toBe(404);
  expect((await statusOfService(data)).url).toBe(`http://127.0.0.1:${port}`);

  const answers: (number | string)[] = [];
  let isOver = false;
  const clients = Array.from({ length: 4 }, async () => {
    while (!isOver) answers.push(await ask(port));
  });
  for (let turn = 0; turn < 2; turn++) {
    const { pid } = primaryOf(await statusOfService(data));
    const served = answers.length;
    expect(await shardctl(['stop', '--data', data])).toMatchObject({ code: 0 });
    await until(async () => {
      const status = await statusOfService(data).catch(() => undefined);
      return status?.state === 'ready' && primaryOf(status).pid !== pid ? true : undefined;
    });
    await until(() => (answers.length > served + 20 ? true : undefined));
  }
  isOver = true;
  await Promise.all(clients);
  expect([...new Set(answers)]).toEqual([404]);
});

function primaryOf({ processes }: ServiceStatus): ProcessStatus {
  return processes.find(({ role }) => role === 'primary') as ProcessStatus;
}

test('more than one socket is refused, and one that is meant for another process is not taken', async () => {
  const data = temporaryDirectory();
  const taken = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void taken.close());
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const start = (pid: string, count: string) => {
    const command = `LISTEN_PID=${pid} LISTEN_FDS=${count} exec "$@"`;
    const service = [process.execPath, shardctlPath, 'start', '--data', data, '--port', String(port)];
    return spawnSync('sh', ['-c', command, 'sh', ...service], { encoding: 'utf8' });
  };
  expect(start('$$', '2')).toMatchObject({
    status: 1,
    stderr: 'shardctl: systemd hands over 2 sockets, but the service uses one. Leave one ListenStream in its unit.\n',
  });
  expect(start('1', '1')).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^shardctl: Port \d+ on 127\.0\.0\.1 is already in use/),
  });
});

test('systemd is told when the service serves, that it lives, and that it stops', async () => {
  if (isMissing('systemd-notify', 'python3')) return;
  const data = temporaryDirectory();
  const path = join(temporaryDirectory(), 'notify');
  const receiver = `import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); print('bound', flush=True)
while True: print(' '.join(s.recv(4096).decode().split('\\n')), flush=True)`;
  const told: string[] = [];
  createInterface({ input: started('python3', ['-c', receiver, path]).stdout as NodeJS.ReadableStream }).on(
    'line',
    (line) => told.push(line),
  );
  await until(() => told.find((line) => line === 'bound'));
  const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '500000' };
  const service = await startService({ data, args: ['--shards', '1', '--routers', '1'], env });
  await until(() => told.find((line) => line.startsWith('READY=1') && line.includes(`serves at ${service.url}`)));
  const beats = () => told.filter((line) => line.startsWith('WATCHDOG=1')).length;
  await until(() => (beats() >= 2 ? true : undefined));
  await service.end('SIGTERM');
  await until(() => told.find((line) => line.includes('STOPPING=1')));
});
