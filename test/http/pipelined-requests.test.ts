/** Requests that arrive together on one connection, byte by byte as a client sends them. */

import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { startRestApp } from '../support/rest-app.ts';

/** Everything the server sends until it closes the connection, which the last request asks for. */
function answersTo(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
}

const statusesOf = (answers: string) => [...answers.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));

const request = (method: string, path: string, { body = '', headers = '' } = {}) =>
  `${method} ${path} HTTP/1.1\r\nhost: localhost\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`;

const last = (method: string, path: string) => request(method, path, { headers: 'connection: close\r\n' });

test('a delete that follows a write on one connection deletes what was written', async () => {
  const { port } = await startRestApp();
  const answers = await answersTo(port, request('PUT', '/v1/kv/pd', { body: 'abc' }) + last('DELETE', '/v1/kv/pd'));
  expect(statusesOf(answers)).toEqual([201, 204]);
  expect(statusesOf(await answersTo(port, last('GET', '/v1/kv/pd')))).toEqual([404]);
});

test('each read sees the write before it on its connection', async () => {
  const { port } = await startRestApp();
  const pairs = [0, 1, 2, 3].map((i) => request('PUT', '/v1/kv/i', { body: `=${i}=` }) + request('GET', '/v1/kv/i'));
  const answers = await answersTo(port, pairs.join('') + last('GET', '/v1/kv/i'));
  expect(statusesOf(answers)).toEqual([201, 200, 204, 200, 204, 200, 204, 200, 200]);
  expect([...answers.matchAll(/=\d=/g)].map(([text]) => text)).toEqual(['=0=', '=1=', '=2=', '=3=', '=3=']);
});

test('a write waits for the reads before it, and reads that follow reads go together', async () => {
  const { port, executed } = await startRestApp();
  const answers = await answersTo(
    port,
    request('PUT', '/v1/kv/a', { body: 'old' }) +
      request('GET', '/v1/kv/a').repeat(20) +
      request('PUT', '/v1/kv/a', { body: 'new' }) +
      last('GET', '/v1/kv/a'),
  );
  expect(statusesOf(answers)).toEqual([201, ...Array(20).fill(200), 204, 200]);
  expect(answers.match(/old/g)?.length).toBe(20);
  expect(answers.endsWith('new')).toBe(true);
  expect(executed.map(({ kind }) => kind)).toEqual(['put', ...Array(20).fill('get'), 'put', 'get']);
});

test('a condition behind 2,100 other header lines still counts', async () => {
  const { port } = await startRestApp();
  const filler = 'a:b\r\n'.repeat(2_100);
  const first = request('PUT', '/v1/kv/kept', { body: 'abc' });
  const second = request('PUT', '/v1/kv/kept', { body: 'xyz', headers: `${filler}if-none-match: *\r\n` });
  const answers = await answersTo(port, first + second + last('GET', '/v1/kv/kept'));
  expect(statusesOf(answers)).toEqual([201, 412, 200]);
  expect(answers.endsWith('abc')).toBe(true);
});
