/** Something answers with a success that is no Shardlite: a proxy, a page for people. Nobody is told that it was done. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type ShardliteClient } from '../../src/client/connect.ts';
import { command } from '../support/command.ts';

const server = createServer((_request, response) =>
  response.writeHead(200, { 'content-type': 'text/html', etag: '"abc"' }).end('<html>ok</html>'),
);
let url: string;
let kv: ShardliteClient;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  kv = connect(url);
});
afterAll(() => void server.close());

test.each<[what: string, call: () => Promise<unknown>]>([
  ['put', () => kv.put('key', 'value')],
  ['touch', () => kv.touch('key', { ttl: 60 })],
  ['get', () => kv.get('key')],
  ['delete', () => kv.delete('key')],
  ['increment', () => kv.increment('key')],
  ['list', () => kv.list().next()],
  ['batch', () => kv.batch([{ op: 'get', key: 'key' }])],
])('the client says of %s that the answer was unexpected', async (_what, call) => {
  await expect(call()).rejects.toMatchObject({ code: 'unexpected-answer', status: 200 });
});

test.each([['put', 'key', 'value'], ['get', 'key'], ['delete', 'key'], ['list'], ['export'], ['why', 'key']])(
  'shardctl %s fails, and says what to check',
  async (...args) => {
    expect(await command([...args, '--url', url])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('Check that the address is that of a Shardlite service'),
    });
  },
);
