/** Something answers with a success that is no Shardlite: a proxy, a page for people. Nobody is told that it was done. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect, type ShardliteClient } from '../../src/client/connect.ts';
import { command } from '../support/command.ts';

/** By the first segment of the path. */
const answers = {
  page: [200, 'text/html', '<html>ok</html>'],
  json: [200, 'application/json', 'null'],
  missing: [404, 'text/html', '<html>\n\x1b[2Jnothing here</html>'],
  away: [502, 'text/html', '<html>bad gateway</html>'],
} as const;

const server = createServer(({ url = '' }, response) => {
  const [status, type, body] = answers[url.split('/')[1] as keyof typeof answers];
  response.writeHead(status, { 'content-type': type, etag: '"abc"' }).end(body);
});
let origin: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

test.each<[what: string, call: (kv: ShardliteClient) => Promise<unknown>]>([
  ['put', (kv) => kv.put('key', 'value')],
  ['touch', (kv) => kv.touch('key', { ttl: 60 })],
  ['get', (kv) => kv.get('key')],
  ['delete', (kv) => kv.delete('key')],
  ['deletePrefix', (kv) => kv.deletePrefix('key')],
  ['increment', (kv) => kv.increment('key')],
  ['list', (kv) => kv.list().next()],
  ['batch', (kv) => kv.batch([{ op: 'get', key: 'key' }])],
  ['changes', (kv) => kv.changes().next()],
])('the client says of %s that the answer was unexpected', async (_what, call) => {
  for (const kind of ['page', 'json', 'missing'] as const) {
    const error = call(connect(`${origin}/${kind}`));
    await expect(error).rejects.toMatchObject({ code: 'unexpected-answer', status: answers[kind][0] });
  }
});

const commands = [
  ['put', 'key', 'value'],
  ['get', 'key'],
  ['delete', 'key'],
  ['delete', '--prefix', 'key', '--yes'],
  ['list'],
  ['watch'],
  ['why', 'key'],
  ['export'],
  ['import'],
];
const input = '{"key":"one","value":"1"}\n{"key":"two","value":"2"}\n';

test.each(commands)('shardctl %s fails at once, and says what to check', async (...args) => {
  for (const kind of ['page', 'json', 'missing']) {
    const { code, stdout, stderr } = await command([...args, '--url', `${origin}/${kind}`], { input });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('Check that the address is that of a Shardlite service');
    expect(stderr).not.toContain('\x1b');
  }
});

test.each(commands)('shardctl %s asks again behind a proxy whose service is away, until --timeout', async (...args) => {
  const { code, stderr } = await command([...args, '--url', `${origin}/away`, '--timeout', '1s'], { input });
  expect(code).toBe(1);
  expect(stderr).toContain('The service answers 502: asking again.');
  expect(stderr).toContain('The answer has status 502: <html>bad gateway</html>');
});
