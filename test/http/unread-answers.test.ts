import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { closeUnread } from '../../src/http/unread-answers.ts';

/** More than the buffers of both ends hold. */
const answerBytes = 32 * 1024 * 1024;
const ask = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n';

/** A client that has asked and reads nothing yet, and the server's end of its connection. */
async function unreadAnswer(deadlineMs: number): Promise<{ readonly client: Socket; readonly served: Socket }> {
  const server = createServer((_request, response) => response.end(Buffer.alloc(answerBytes)));
  closeUnread(server, { deadlineMs, intervalMs: 10 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  client.pause();
  const [served] = (await once(server, 'connection')) as [Socket];
  client.write(ask);
  return { client, served };
}

test('an answer that nobody reads closes its connection when its time is over', async () => {
  const deadlineMs = 200;
  const beganAtMs = performance.now();
  const { served } = await unreadAnswer(deadlineMs);
  await once(served, 'close');
  expect(performance.now() - beganAtMs).toBeGreaterThan(deadlineMs);
});

test('answers that are read arrive whole, one after the other', async () => {
  // Many times what it takes to read one of them; what is judged is that the first is not held against the second.
  const { client, served } = await unreadAnswer(10_000);
  let received = 0;
  client.on('data', (chunk: Buffer) => {
    if (received < answerBytes && received + chunk.length >= answerBytes) client.write(ask);
    received += chunk.length;
  });
  client.resume();
  while (received < 2 * answerBytes && !served.destroyed) await new Promise((resolve) => setImmediate(resolve));
  expect(served.destroyed).toBe(false);
});
