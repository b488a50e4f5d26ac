/** Connections that are on their way to a router when it is killed: their clients are told, and nothing is left of them. */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const kills = 8;
const clients = 24;
/** A router is back within a second; a connection that is forgotten waits for ever. */
const hangsAfterMs = 15_000;

type End = 'answered' | 'closed' | 'hangs';

/** One request on a connection of its own. */
function ask(port: number): Promise<End> {
  return new Promise((resolve) => {
    let end: End = 'closed';
    const socket = connect(port, '127.0.0.1', () => {
      socket.write('GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
    });
    socket.setTimeout(hangsAfterMs, () => {
      end = 'hangs';
      socket.destroy();
    });
    socket.on('data', () => {
      end = 'answered';
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(end));
  });
}

test('routers that are killed under connections by the request leave no client hanging, and no descriptor', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '1', '--routers', '2'] });
  for (const id of ['router-1', 'router-2']) await service.until(id, ({ state }) => state === 'ready');
  const port = Number(new URL(service.url).port);
  const ends = { answered: 0, closed: 0, hangs: 0 };
  let isOver = false;
  const asking = Array.from({ length: clients }, async () => {
    while (!isOver) ends[await ask(port)]++;
  });
  for (let kill = 0; kill < kills; kill++) {
    const id = `router-${1 + (kill % 2)}`;
    const { restarts } = await service.processStatus(id);
    const enough = ends.answered + 300;
    while (ends.answered < enough) await new Promise((resolve) => setImmediate(resolve));
    await service.kill(id);
    await service.until(id, (status) => status.state === 'ready' && status.restarts > restarts);
  }
  isOver = true;
  await Promise.all(asking);
  expect([ends.hangs, ends.answered > kills * 300]).toEqual([0, true]);
  if (process.platform === 'linux') expect(connectionsHeldBy(service, port)).toEqual([]);
});

/** TCP connections of this port of which the process has a descriptor, with their states (08 is CLOSE_WAIT). */
function connectionsHeldBy({ pid }: TestService, port: number): string[] {
  const held = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? [];
      if (inode !== undefined) held.add(inode);
    } catch {
      // Closed since it was listed.
    }
  }
  const localPort = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').trim().split('\n').slice(1);
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state]) => local.endsWith(`:${localPort}`) && state !== '0A')
    .filter((fields) => held.has(fields[9] ?? ''))
    .map(([, local, remote, state]) => `${local} ${remote} ${state}`);
}
