import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { closeUnread } from '../../src/http/unread-answers.ts';

/** More than the buffers of both ends hold. */
const answerBytes = 32 * 1024 * 1024;
type Scheme = 'http' | 'https';
const pem = (name: string) => readFileSync(new URL(`../support/certificates/${name}`, import.meta.url));
const ask = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n';

/** A client that has asked and reads nothing yet, and the server's end of its connection. */
async function unreadAnswer(
  deadlineMs: number,
  scheme: Scheme = 'http',
): Promise<{ readonly client: Socket; readonly served: Socket }> {
  const answer: RequestListener = (_request, response) => response.end(Buffer.alloc(answerBytes));
  const server =
    scheme === 'http' ? createServer(answer) : createTlsServer({ cert: pem('one.crt'), key: pem('one.key') }, answer);
  closeUnread(server, { deadlineMs, intervalMs: 10 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const client =
    scheme === 'http' ? connect(port, '127.0.0.1') : connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  client.on('error', () => {});
  client.pause();
  const [served] = (await once(server, scheme === 'http' ? 'connection' : 'secureConnection')) as [Socket];
  client.write(ask);
  return { client, served };
}

test.each(['http', 'https'] as const)(
  'an answer over %s that nobody reads closes its connection when its time is over',
  async (scheme) => {
    const deadlineMs = 200;
    const beganAtMs = performance.now();
    const { served } = await unreadAnswer(deadlineMs, scheme);
    await once(served, 'close');
    expect(performance.now() - beganAtMs).toBeGreaterThan(deadlineMs);
  },
);

test.each(['http', 'https'] as const)(
  'answers over %s that are read arrive whole, one after the other',
  async (scheme) => {
    // Many times what it takes to read one of them; what is judged is that the first is not held against the second.
    const { client, served } = await unreadAnswer(10_000, scheme);
    let received = 0;
    client.on('data', (chunk: Buffer) => {
      if (received < answerBytes && received + chunk.length >= answerBytes) client.write(ask);
      received += chunk.length;
    });
    client.resume();
    while (received < 2 * answerBytes && !served.destroyed) await new Promise((resolve) => setImmediate(resolve));
    expect(served.destroyed).toBe(false);
  },
);
