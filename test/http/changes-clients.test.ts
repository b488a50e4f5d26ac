/** Clients of the feed that come and go. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { startRestApp } from '../support/rest-app.ts';

test('clients that go away before their stream has begun leave room for others', async () => {
  const { url, port } = await startRestApp();
  // More than may watch at a time.
  for (let round = 0; round < 60; round++) {
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = connect(port, '127.0.0.1');
        await once(socket, 'connect');
        socket.write('GET /v1/changes HTTP/1.1\r\nhost: localhost\r\n\r\n', () => socket.resetAndDestroy());
        await once(socket, 'close');
      }),
    );
  }
  const answer = await fetch(`${url}/v1/changes`);
  expect(answer.status).toBe(200);
  // Or nginx would hear of everything and tell nothing.
  expect(answer.headers.get('x-accel-buffering')).toBe('no');
  await answer.body?.cancel();
});
