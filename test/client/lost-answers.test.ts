/** What the client does when answers are lost, late, or no answers of ours. */

import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { connect, type ShardliteClient } from '../../src/client/connect.ts';
import { CuttingProxy } from '../support/cutting-proxy.ts';
import { startRestApp } from '../support/rest-app.ts';

async function behindProxy(): Promise<{ kv: ShardliteClient; proxy: CuttingProxy }> {
  const { port } = await startRestApp();
  const proxy = new CuttingProxy();
  await proxy.start(port);
  return { kv: connect(`http://127.0.0.1:${proxy.port}`), proxy };
}

test('a write whose answer is lost is sent again, applied once, and answered as it was', async () => {
  const { kv, proxy } = await behindProxy();
  const lossy = <T>(call: () => Promise<T>) => {
    proxy.cutAtAnswer('HTTP/1.1 20');
    return call();
  };
  const { version } = await lossy(() => kv.put('key', 1, { ifAbsent: true }));
  expect(await lossy(() => kv.increment('n', 5))).toBe(5);
  const [first, second] = await lossy(() =>
    kv.batch([
      { op: 'increment', key: 'n' },
      { op: 'increment', key: 'n' },
    ]),
  );
  expect([first, second]).toMatchObject([{ number: 6n }, { number: 7n }]);
  await lossy(() => kv.batch([{ op: 'increment', key: 'n' }], { atomic: true }));
  expect(await lossy(() => kv.get('n'))).toBe('8');
  expect(await lossy(() => kv.update<number>('key', (value = 0) => value + 1))).toBe(2);
  expect((await lossy(() => kv.getEntry('key')))?.version).toBeGreaterThan(version);
  const touched = await lossy(() => kv.touch('key', { ttl: 60 }));
  expect((await kv.getEntry('key'))?.version).toBe(touched?.version);
  expect(await lossy(() => kv.getAndTouch('key', { expiresAt: 'never' }))).toBe(2);
  await lossy(() => kv.delete('key', { ifPresent: true }));
  expect(proxy.cuts).toBe(10);
});

/** A server that is no Shardlite: its address. */
async function serverThat(answers: RequestListener): Promise<string> {
  const server = createServer(answers);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('silence, broken connections and answers of proxies are asked again, within the deadline', async () => {
  const ways: RequestListener[] = [
    () => {},
    (request) => request.socket.destroy(),
    (_request, response) => response.writeHead(502).end('<html>'),
    (_request, response) => response.writeHead(200, { 'content-length': 100 }).write('half of it'),
    (_request, response) => response.writeHead(200, { 'content-type': 'text/plain', etag: '"1"' }).end('there'),
  ];
  let asked = 0;
  const url = await serverThat((request, response) => ways[asked++]?.(request, response));
  const kv = connect(url, { attemptMs: 200, deadlineMs: 20_000 });
  expect(await kv.get('key')).toBe('there');
  expect(asked).toBe(5);
});

test('behind the deadline a call fails, and says why', async () => {
  const silent = connect(await serverThat(() => {}), { attemptMs: 50, deadlineMs: 200 });
  await expect(silent.put('key', 1)).rejects.toMatchObject({ code: 'no-answer', status: 0 });
  const busy = await serverThat((_request, response) => {
    response.writeHead(503, { 'retry-after': '1' }).end('{"code":"overloaded","detail":"Too much."}');
  });
  await expect(connect(busy, { deadlineMs: 100 }).get('key')).rejects.toMatchObject({
    code: 'overloaded',
    status: 503,
  });
  const other = await serverThat((_request, response) => response.writeHead(418).end('<html>'));
  await expect(connect(other).get('key')).rejects.toMatchObject({ code: 'unexpected-answer', status: 418 });
});

test("a signal ends a call with its own reason, also between attempts, and a token is every request's", async () => {
  const tokens: (string | undefined)[] = [];
  const url = await serverThat(({ headers }, response) => {
    tokens.push(headers.authorization);
    response.writeHead(503, { 'retry-after': '10' }).end();
  });
  const over = new AbortController();
  const asked = connect(url, { token: 'secret' }).get('key', { signal: over.signal });
  await expect.poll(() => tokens).toEqual(['Bearer secret']);
  over.abort(new RangeError('enough'));
  await expect(asked).rejects.toThrow('enough');
  await expect(connect(url).get('key', { signal: over.signal })).rejects.toThrow('enough');
  expect(tokens).toHaveLength(1);
});

test('one operation of a batch that fails for a while is asked again, but not behind a later one of its key', async () => {
  const result = (status: number) =>
    status < 400 ? { status, version: status } : { status, code: 'shard-unavailable', detail: 'It is away.' };
  const rounds = [
    [503, 204, 503, 503, 204],
    [204, 204, 204, 204, 204],
  ];
  const names = new Set<unknown>();
  let asked = 0;
  const url = await serverThat(({ headers }, response) => {
    names.add(headers['idempotency-key']);
    response.writeHead(200).end(JSON.stringify({ results: rounds[asked++]?.map(result) }));
  });
  const put = (key: string) => ({ op: 'put', key, value: 1 }) as const;
  const results = await connect(url).batch([put('a'), put('a'), put('b'), put('c'), put('d')]);
  expect(results.map(({ ok }) => ok)).toEqual([false, true, true, true, true]);
  expect([asked, names.size]).toEqual([2, 1]);
});

test('a watch whose connection is cut comes back where it was', async () => {
  const { kv, proxy } = await behindProxy();
  const seen: string[] = [];
  const over = new AbortController();
  let watching: Promise<void> | undefined;
  await new Promise<void>((resolve) => {
    watching = (async () => {
      for await (const { key } of kv.changes({ signal: over.signal, onPosition: () => resolve() })) seen.push(key);
    })();
  });
  for (let index = 0; index < 5; index++) {
    proxy.cutAtAnswer(`"key-${index}"`);
    await kv.put(`key-${index}`, index);
    await expect.poll(() => seen.length).toBe(index + 1);
  }
  over.abort();
  await watching;
  expect(seen).toEqual(['key-0', 'key-1', 'key-2', 'key-3', 'key-4']);
  expect(proxy.cuts).toBe(5);
});
