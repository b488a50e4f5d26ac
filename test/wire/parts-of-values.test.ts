/** What of a value nobody wants comes neither from its shard nor, where the router reads by itself, out of its file. */

import { expect, test } from 'vitest';
import { type ByteStream, type Sockets, unixSockets } from '../../src/ports/sockets.ts';
import { startPartitionedStore } from '../support/in-process-shards.ts';
import { get, put } from '../support/operations.ts';
import { startRestAppOver } from '../support/rest-app.ts';

const MiB = 1024 * 1024;
/** A frame without a value, and the hello. */
const smallBytes = 200;

/** Sockets of a router, and how many bytes came by them since it was asked last. */
function counted(): { readonly sockets: Sockets; readonly received: () => number } {
  let bytes = 0;
  const connect = (path: string): ByteStream => {
    const stream = unixSockets.connect(path);
    stream.on('data', (chunk) => {
      bytes += chunk.length;
    });
    return stream;
  };
  const received = () => {
    const before = bytes;
    bytes = 0;
    return before;
  };
  return { sockets: { ...unixSockets, connect }, received };
}

test('of a value of 1 MiB, only what is wanted comes from its shard', async () => {
  const { sockets, received } = counted();
  const { store } = await startPartitionedStore(1, 'forwarded', sockets);
  const { url } = await startRestAppOver(store);
  const key = `${url}/v1/kv/key`;
  const value = Buffer.alloc(MiB, '0123456789');
  const etag = (await fetch(key, { method: 'PUT', body: value })).headers.get('etag') as string;
  const asked = async (headers: Record<string, string>, method = 'GET') => {
    received();
    const answer = await fetch(key, { method, headers });
    const body = Buffer.from(await answer.arrayBuffer());
    return { status: answer.status, contentRange: answer.headers.get('content-range'), body, bytes: received() };
  };

  for (const [method, headers, status] of [
    ['HEAD', {}, 200],
    ['GET', { 'if-none-match': etag }, 304],
    ['GET', { 'if-match': '"0"' }, 412],
    ['GET', { range: `bytes=${MiB}-` }, 416],
  ] as const) {
    const answer = await asked(headers, method);
    expect(answer.status).toBe(status);
    expect(answer.bytes).toBeLessThan(smallBytes);
  }

  const part = await asked({ range: 'bytes=500001-500010', 'if-none-match': '"0"' });
  expect(part).toMatchObject({ status: 206, contentRange: `bytes 500001-500010/${MiB}` });
  expect(part.body.toString()).toBe('1234567890');
  expect(part.bytes).toBeLessThan(smallBytes);

  const all = await asked({ range: 'bytes=0-0', 'if-range': '"0"' });
  expect([all.status, all.body.equals(value)]).toEqual([200, true]);
  expect(all.bytes).toBeGreaterThan(MiB);
});

test('of a value of 1 MiB, only what is wanted comes out of the file', async () => {
  const { store } = await startPartitionedStore(1, 'direct');
  await store.execute(put('key', Buffer.alloc(MiB, '0123456789')));
  const part = await store.execute(get('key', { range: { from: 500_001, bytesMax: 10 } }));
  if (part.kind !== 'part') throw new Error(`it came to ${part.kind}`);
  expect(part.value.toString()).toBe('1234567890');
  expect(part.value.buffer.byteLength).toBeLessThan(smallBytes);
});
