import { Agent, request } from 'node:http';
import { expect, test } from 'vitest';
import { startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** One kept-alive connection of its own. */
class OneConnection {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #url: string;
  /** Local ports used so far: more than one means that the connection was lost. */
  readonly ports = new Set<number>();

  constructor(service: TestService) {
    this.#url = `${service.url}/livez`;
  }

  ask(): Promise<number> {
    return new Promise((resolve, reject) => {
      const outgoing = request(this.#url, { agent: this.#agent }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode as number));
      });
      outgoing.on('socket', (socket) => socket.once('connect', () => this.ports.add(socket.localPort as number)));
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

test('when a router is killed another takes its place, and connections to the others live on', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '2'] });
  await service.until('router-1', ({ state }) => state === 'ready');
  await service.until('router-2', ({ state }) => state === 'ready');
  // Connections are dealt out in turn, so two of four belong to each router.
  const connections = Array.from({ length: 4 }, () => new OneConnection(service));
  for (const connection of connections) expect(await connection.ask()).toBe(200);

  await service.kill('router-1');
  const replaced = await service.until('router-1', ({ state, restarts }) => state === 'ready' && restarts === 1);
  const asked = await Promise.allSettled(connections.map((connection) => connection.ask()));
  const lost = asked.filter(({ status }) => status === 'rejected').length;
  const reconnected = connections.filter(({ ports }) => ports.size > 1).length;

  expect(replaced.pid).not.toBeNull();
  expect(lost + reconnected).toBe(2);
  for (const connection of connections) {
    expect(await connection.ask()).toBe(200);
    connection.close();
  }
});

test('the only router comes back on the same port, also when that was any free one', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--routers', '1'] });
  expect((await fetch(`${service.url}/v1/kv/key`, { method: 'PUT', body: 'kept' })).status).toBe(201);
  await service.kill('router-1');
  await service.until('router-1', ({ state, restarts }) => state === 'ready' && restarts === 1);
  expect(await (await fetch(`${service.url}/v1/kv/key`)).text()).toBe('kept');
});
