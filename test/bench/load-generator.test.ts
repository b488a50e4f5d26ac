/** The load generator against servers that misbehave in known ways: it must tell, and charge them for it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { historyOf } from '../../bench/judge/history.ts';
import { drive } from '../../bench/load/drive.ts';
import { percentileMs } from '../../bench/load/histogram.ts';
import { compileNative, type Native } from '../../bench/native.ts';

const directory = mkdtempSync(join(tmpdir(), 'shardlite-load-'));
let native: Native;
let server: Server | undefined;

beforeAll(() => {
  native = compileNative(directory);
});

afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** More than the generator waits for what is still under way at the end of a drive at a fixed rate. */
const lateMs = 1_300;

type Options = Partial<Parameters<typeof drive>[1]>;

async function driven(answer: RequestListener, options: Options) {
  server = createServer(answer);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const all = { port, seed: 1, connections: 4, prefix: 'k-', keys: 100, valueBytes: 100, readShare: 0.5, seconds: 0.3 };
  return drive(native.loadProgram, { ...all, ...options }, AbortSignal.timeout(20_000));
}

/** A store in a variable, which is right as long as there is one of it. */
function memoryServer(): RequestListener {
  const values = new Map<string, Buffer>();
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'PUT') values.set(request.url as string, Buffer.concat(chunks));
      const value = values.get(request.url as string);
      if (request.method === 'PUT') return response.writeHead(204).end();
      return response.writeHead(value === undefined ? 404 : 200, { 'content-length': value?.length ?? 0 }).end(value);
    });
  };
}

test('a server that stalls is charged for every request that was due meanwhile', async () => {
  const isLate = () => performance.now() - startedAtMs > 300;
  let startedAtMs = Number.POSITIVE_INFINITY;
  let stalled = false;
  const { answered, reads } = await driven(
    (_request, response) => {
      startedAtMs = Math.min(startedAtMs, performance.now());
      if (isLate() && !stalled) {
        stalled = true;
        const untilMs = performance.now() + 900;
        while (performance.now() < untilMs);
      }
      response.writeHead(404, { 'content-length': 0 }).end();
    },
    { readShare: 1, rate: 200, seconds: 3 },
  );
  // Of some 600 requests, 180 were due during the stall. Counted from their sending, four would have been slow.
  expect(answered).toBeGreaterThan(400);
  expect(percentileMs([reads], 80)).toBeGreaterThan(100);
  expect(percentileMs([reads], 25)).toBeLessThan(100);
});

test.each([{}, { rate: 100 }, { log: join(directory, 'late') }])(
  'a server that answers nothing in all of a short drive is slow, not broken: %o',
  async (options) => {
    const answer: RequestListener = (_request, response) =>
      void setTimeout(() => response.writeHead(204).end(), lateMs);
    const { answered, durationUs } = await driven(answer, { ...options, readShare: 0, seconds: 0.1 });
    expect(answered).toBeGreaterThan(0);
    expect(durationUs).toBeGreaterThanOrEqual(lateMs * 1_000);
  },
);

test('every value is another one, whole, and of the length that was asked for', async () => {
  const seen = new Set<string>();
  let lengths = new Set<number>();
  const store = memoryServer();
  const { answered, corrupt, failedStatus } = await driven(
    (request, response) => {
      if (request.method === 'PUT') {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          seen.add(Buffer.concat(chunks).toString());
          lengths = lengths.add(Buffer.concat(chunks).length);
        });
      }
      store(request, response);
    },
    { valueBytes: 5_000, readShare: 0.3 },
  );
  expect({ corrupt, failedStatus }).toEqual({ corrupt: 0, failedStatus: 0 });
  expect([...lengths]).toEqual([5_000]);
  expect(seen.size).toBeGreaterThan(answered * 0.5);
});

test('a value that was torn, an error, and an answer that never comes are each told', async () => {
  const torn = Buffer.concat([Buffer.alloc(64, '0123456789abcdef'), Buffer.alloc(36, 'fedcba9876543210')]);
  expect((await driven((_, response) => response.end(torn), { readShare: 1 })).corrupt).toBeGreaterThan(0);
  const failing = await driven((_, response) => response.writeHead(503, { 'content-length': 0 }).end(), {
    readShare: 0,
  });
  expect(failing).toMatchObject({ answered: 0, firstFailure: expect.stringContaining('503') });
  expect(failing.failedStatus).toBeGreaterThan(0);
  const silent = await driven(() => {}, { timeoutMs: 100, rate: 100 });
  expect(silent.answered).toBe(0);
  expect(silent.timedOut + silent.unsent).toBeGreaterThan(10);
});

test('what the judge reads is what the clients did', async () => {
  const log = join(directory, 'history');
  const { answered, reads, writes, missing } = await driven(memoryServer(), { log, rate: 1_000 });
  const history = historyOf(log);
  expect(history).toHaveLength(answered);
  const count = (kind: string) => history.filter((one) => one.kind === kind).length;
  const total = (buckets: typeof reads) => buckets.reduce((sum, [, times]) => sum + times, 0);
  expect(count('read')).toBe(total(reads));
  expect(count('write')).toBe(total(writes));
  expect(history.filter(({ kind, value }) => kind === 'read' && value === 0n)).toHaveLength(missing);
  const written = new Set(history.filter(({ kind }) => kind === 'write').map(({ value }) => value));
  for (const { kind, value } of history) expect(kind === 'write' || value === 0n || written.has(value)).toBe(true);
});

test('a counter’s numbers are read as they were told, the shorter ones behind longer ones too', async () => {
  const log = join(directory, 'counters');
  const told: bigint[] = [];
  const answer: RequestListener = (request, response) => {
    const number = told.length % 2 === 0 ? 123_456n : 7n;
    told.push(number);
    expect(request.url).toBe('/v1/counters/k-000000');
    response.writeHead(200, { 'content-length': `${number}`.length }).end(`${number}`);
  };
  const counting = { connections: 1, keys: 1, incrementShare: 1, counterPath: '/v1/counters/' };
  await driven(answer, { ...counting, log, rate: 200 });
  expect(historyOf(log).map(({ value }) => value)).toEqual(told);
});

test('Zipfian keys are as skewed as YCSB’s: of 100 keys the hottest takes about a fifth', async () => {
  const log = join(directory, 'zipfian');
  await driven(memoryServer(), { log, distribution: 'zipfian' });
  const counts = new Map<number, number>();
  for (const { key } of historyOf(log)) counts.set(key, (counts.get(key) ?? 0) + 1);
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const hottest = Math.max(...counts.values()) / total;
  expect(hottest).toBeGreaterThan(0.14);
  expect(hottest).toBeLessThan(0.3);
});
