/** The same service over TLS: what is spoken, what is refused, and that nothing of the edge of HTTP is lost below it. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect as connectPlain } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { renewCertificate } from '../../src/http/http-server.ts';
import { startRestApp } from '../support/rest-app.ts';

const certificateOf = (name: 'one' | 'two') => ({
  cert: readFileSync(new URL(`../support/certificates/${name}.crt`, import.meta.url), 'utf8'),
  key: readFileSync(new URL(`../support/certificates/${name}.key`, import.meta.url), 'utf8'),
});
const certificate = certificateOf('one');

/** A client that believes the certificate of that name, and no other. */
async function connected(
  port: number,
  name: 'one' | 'two' = 'one',
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername: `${name}.shardlite.test`,
    ca: certificateOf(name).cert,
    ...options,
  });
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, 'secureConnect');
  return socket;
}

/** All that is answered until the connection ends. */
async function answerTo(socket: TLSSocket, request: string | Buffer): Promise<string> {
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text;
  });
  const ended = once(socket, 'end');
  socket.write(request);
  await ended;
  return answer;
}

const bare = 'host: 127.0.0.1\r\nconnection: close\r\n';

test('values are written and read over TLS 1.2 and 1.3; older versions, HTTP/2 and plain HTTP are not spoken', async () => {
  const { port } = await startRestApp({ certificate });
  const put = await answerTo(await connected(port), `PUT /v1/kv/key HTTP/1.1\r\n${bare}content-length: 5\r\n\r\nvalue`);
  expect(put).toMatch(/^HTTP\/1\.1 201 /);
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await connected(port, 'one', { minVersion: version, maxVersion: version });
    expect(socket.getProtocol()).toBe(version);
    expect(await answerTo(socket, `GET /v1/kv/key HTTP/1.1\r\n${bare}\r\n`)).toMatch(/^HTTP\/1\.1 200 .*value$/s);
  }
  await expect(
    // OpenSSL itself leaves older ones out, unless it is told otherwise.
    connected(port, 'one', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
  ).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
  const both = await connected(port, 'one', { ALPNProtocols: ['h2', 'http/1.1'] });
  expect(both.alpnProtocol).toBe('http/1.1');
  const http2 = connectHttp2(`https://127.0.0.1:${port}`, { ca: certificate.cert, servername: 'one.shardlite.test' });
  onTestFinished(() => http2.destroy());
  await expect(once(http2, 'connect')).rejects.toThrow();

  const plain = connectPlain(port, '127.0.0.1').on('error', () => {});
  let said = '';
  plain.on('data', (chunk) => {
    said += chunk.toString();
  });
  plain.write(`GET /livez HTTP/1.1\r\n${bare}\r\n`);
  await once(plain, 'close');
  expect(said).not.toContain('HTTP');
});

test('pipelined requests, bytes that are no request and a body that is too large are answered as without TLS', async () => {
  const { port } = await startRestApp({ certificate, valueBytesMax: 1_000 });
  const pipelined = await answerTo(
    await connected(port),
    `PUT /v1/kv/a HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 0\r\n\r\nGET /v1/kv/a HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\nrubbish\r\n\r\n`,
  );
  expect([...pipelined.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status)).toEqual(['201', '200', '400']);
  const large = Buffer.alloc(3_000_000, 'x');
  const head = `PUT /v1/kv/b HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${large.length}\r\n\r\n`;
  const tooLarge = await answerTo(await connected(port), Buffer.concat([Buffer.from(head), large]));
  expect(tooLarge).toMatch(/^HTTP\/1\.1 413 .*value-too-large/s);
});

test('another certificate is shown from the next connection on; those that are open go on', async () => {
  const { port, server } = await startRestApp({ certificate });
  const before = await connected(port, 'one');
  renewCertificate(server, certificateOf('two'));
  await connected(port, 'two');
  await expect(connected(port, 'one')).rejects.toThrow();
  expect(await answerTo(before, `GET /livez HTTP/1.1\r\n${bare}\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
});
