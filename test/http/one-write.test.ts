/** How small values leave: a second write would cost as much as all that the store does for a read. */

import { createServer, request as requestOf, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { endInOneWrite } from '../../src/http/one-write.ts';
import { startRestApp } from '../support/rest-app.ts';

/** What Node asks of the system for a socket. */
const calls = ['writev', 'writeBuffer', 'writeLatin1String', 'writeUtf8String'] as const;
type Handle = Record<(typeof calls)[number], (...args: unknown[]) => unknown>;

/** By which calls it answers from now on. */
function callsOf(server: Server): readonly string[] {
  const made: string[] = [];
  server.prependListener('connection', (socket: Socket & { _handle?: Handle }) => {
    const handle = socket._handle as Handle;
    for (const name of calls) {
      const original = handle[name].bind(handle);
      handle[name] = (...args) => {
        made.push(name);
        return original(...args);
      };
    }
  });
  return made;
}

function bodyAt(port: number, path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const answered = requestOf({ port, path, agent: false }, (response) => buffer(response).then(resolve, reject));
    answered.on('error', reject).end();
  });
}

test('a small value leaves whole, with its head, by one plain write', async () => {
  const { url, port, server } = await startRestApp();
  const value = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  await fetch(`${url}/v1/kv/small`, { method: 'PUT', body: value });
  const made = callsOf(server);
  expect(await bodyAt(port, '/v1/kv/small')).toEqual(value);
  expect(made).toEqual(['writeLatin1String']);
});

test('where Node does not keep the head as text, an answer is whole all the same', async () => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-length': 5 });
    endInOneWrite({ end: (...args: [string, 'latin1']) => response.end(...args) } as ServerResponse, 'value');
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  expect(await bodyAt((server.address() as AddressInfo).port, '/')).toEqual(Buffer.from('value'));
});
