/** Operators' mistakes with files: none is served, none is written over, and each is told with the way out. */

import { cpSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { allGone } from '../support/process-state.ts';
import { shardctl, startService, type TestService } from '../support/service.ts';
import { tablesOf } from '../support/tables-of-file.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`);

async function putAll(service: TestService, value: string): Promise<string[]> {
  const answers = keys.map((key) => fetch(`${service.url}/v1/kv/${key}`, { method: 'PUT', body: value }));
  return (await Promise.all(answers)).map((answer) => answer.headers.get('etag') as string);
}

async function statusesOf(service: TestService): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  for (const key of keys) {
    const { status } = await fetch(`${service.url}/v1/kv/${key}`);
    counts[status] = (counts[status] ?? 0) + 1;
  }
  return counts;
}

/** A stopped service of so many shards, with all keys in it. */
async function stopped(shards = 2): Promise<{ data: string; file: (name: string) => string }> {
  const data = temporaryDirectory();
  const service = await startService({ data, args: ['--shards', String(shards), '--routers', '1'] });
  await putAll(service, 'value');
  await service.end('SIGTERM');
  return { data, file: (name) => join(data, name) };
}

/** The sentence with which it refuses to start. */
async function whyNotStarted(data: string): Promise<string> {
  const { code, stderr } = await shardctl(['start', '--port', '0', '--data', data]);
  expect(code).toBe(1);
  return stderr;
}

test("a shard's file that is missing is not made anew: its keys get 503, the others are served, and it comes back", async () => {
  const { data, file } = await stopped();
  renameSync(file('shard-2.sqlite'), file('elsewhere'));
  const service = await startService({ data });
  const { state, slots, refusal } = await service.processStatus('shard-2');
  expect([state, slots]).toEqual(['failed', 8_192]);
  expect(refusal).toBe(
    `${file('shard-2.sqlite')} is missing. Shard 2 does not serve: requests for its 8,192 of 16,384 slots get 503. ` +
      'Put its file back and run `shardctl restart shard-2`; to go on without, stop the service and run `shardctl recover`.',
  );
  expect((await shardctl(['status', '--data', data])).stdout).toContain(refusal);
  expect(service.said.join('')).toContain('shard-2.sqlite is missing. Shard 2 does not serve');
  const { 200: read = 0, 503: refused = 0 } = await statusesOf(service);
  expect([read + refused, refused > 10]).toEqual([60, true]);
  const readiness = await fetch(`${service.url}/readyz`);
  expect(readiness.status).toBe(200);
  expect(await readiness.json()).toMatchObject({ status: 'degraded', failedShards: [2] });

  renameSync(file('elsewhere'), file('shard-2.sqlite'));
  await shardctl(['restart', 'shard-2', '--data', data]);
  await service.until('shard-2', (status) => status.state === 'ready');
  expect(await statusesOf(service)).toEqual({ 200: 60 });
  expect((await service.processStatus('shard-2')).refusal).toBe(null);
});

test("a shard's file that goes away while it serves is not made anew when the shard is killed", async () => {
  const data = temporaryDirectory();
  const service = await startService({ data, args: ['--shards', '2', '--routers', '1'] });
  await putAll(service, 'value');
  rmSync(join(data, 'shard-1.sqlite'));
  rmSync(join(data, 'shard-1.sqlite-wal'));
  await service.kill('shard-1');
  expect((await service.until('shard-1', ({ state }) => state === 'failed')).refusal).toContain('is missing.');
  expect((await statusesOf(service))[200]).toBeGreaterThan(10);
});

test('what is in a file that its shard refuses is read by no router either', async () => {
  const { data, file } = await stopped();
  cpSync(file('shard-1.sqlite'), file('older'));
  const service = await startService({ data });
  await putAll(service, 'newer');
  await service.end('SIGTERM');
  cpSync(file('older'), file('shard-1.sqlite'));
  // A copy of all that lies beside it: what is left to know it by is what the primary has recorded.
  rmSync(file('shard-1.sqlite-acknowledged'));
  const again = await startService({ data, args: ['--reads', 'direct'] });
  await again.until('shard-1', ({ state }) => state === 'failed');
  const { 200: read = 0, 503: refused = 0 } = await statusesOf(again);
  expect([read + refused, refused > 10]).toEqual([60, true]);
  // Those of the other shard are read directly.
  const answers = keys.map((key) => fetch(`${again.url}/v1/kv/${key}?timing`));
  const timings = (await Promise.all(answers))
    .filter(({ ok }) => ok)
    .map(({ headers }) => headers.get('server-timing'));
  expect(timings.filter((timing) => timing?.includes('wire'))).toEqual([]);
});

test.each([
  ['stopped', 'SIGTERM'],
  ['killed', 'SIGKILL'],
] as const)("an older copy of a shard's file is refused after the service was %s", async (_how, signal) => {
  const { data, file } = await stopped();
  cpSync(file('shard-1.sqlite'), file('older'));
  const service = await startService({ data });
  await putAll(service, 'newer');
  // The primary learns within a second how far the file goes.
  const { keys: before } = await service.processStatus('shard-1');
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await service.until('shard-1', ({ operationsPerS }) => operationsPerS === 0);
  expect((await service.processStatus('shard-1')).keys).toBe(before);
  await service.end(signal);

  rmSync(file('shard-1.sqlite-wal'), { force: true });
  cpSync(file('older'), file('shard-1.sqlite'));
  const again = await startService({ data });
  const { state, refusal } = await again.processStatus('shard-1');
  expect(state).toBe('failed');
  expect(refusal).toMatch(/shard-1\.sqlite is an older copy: it ends with write \d+, but write \d+ was acknowledged\./);
  const { 200: read = 0, 503: refused = 0 } = await statusesOf(again);
  expect([read + refused, refused > 10]).toEqual([60, true]);
  await again.end('SIGTERM');
  const verify = JSON.parse((await shardctl(['verify', '--json', '--data', data])).stdout);
  expect([verify.isSound, verify.shards[0].faults]).toEqual([false, [expect.stringContaining('is an older copy')]]);
});

test.each([
  ['partitioned', ['--shards', '1']],
  ['single', ['--strategy', 'single']],
  ['cloned', ['--strategy', 'cloned', '--clones', '2']],
])(
  'a copy of a moment before the kill is refused, though the primary never heard of what came after it: %s',
  async (_strategy, args) => {
    const data = temporaryDirectory();
    const file = join(data, 'shard-1.sqlite');
    const service = await startService({ data, args });
    // One connection that is there already: a stopped primary deals no other.
    const connection = new Client(service.url);
    onTestFinished(() => connection.destroy());
    const put = async (value: string) => {
      const { statusCode, body } = await connection.request({ method: 'PUT', path: '/v1/kv/key', body: value });
      await body.dump();
      expect(statusCode).toBeLessThan(300);
    };
    await put('older');
    const pids = (await service.status()).processes.map(({ pid }) => pid as number);
    process.kill(service.pid, 'SIGSTOP');
    for (const suffix of ['', '-wal']) cpSync(file + suffix, `${file}.older${suffix}`);
    await put('newer');
    await service.end('SIGKILL');
    // A shard folds its log when its primary has gone, and removes it.
    await allGone(pids);

    for (const suffix of ['', '-wal']) renameSync(`${file}.older${suffix}`, file + suffix);
    const verified = JSON.parse((await shardctl(['verify', '--json', '--data', data])).stdout);
    expect(verified.shards[0].faults).toEqual([
      expect.stringMatching(/is an older copy: it ends with write 1, but write 2 was acknowledged\./),
    ]);
    expect((await shardctl(['recover', '--data', data])).stdout).toContain('shard-1.sqlite is an older copy');
  },
);

test('the file of another shard, and that of another service, are refused and left as they are', async () => {
  const [ours, theirs] = [await stopped(), await stopped()];
  const other = tablesOf(theirs.file('shard-1.sqlite'));
  cpSync(theirs.file('shard-1.sqlite'), ours.file('shard-1.sqlite'));
  const first = await startService({ data: ours.data });
  expect((await first.processStatus('shard-1')).refusal).toMatch(/belongs to shard 1 of service .*, not to shard 1 of/);
  await first.end('SIGTERM');
  expect(tablesOf(ours.file('shard-1.sqlite'))).toEqual(other);

  cpSync(ours.file('shard-2.sqlite'), ours.file('shard-1.sqlite'));
  const second = await startService({ data: ours.data });
  expect((await second.processStatus('shard-1')).refusal).toMatch(
    /belongs to shard 2 of service .*, not to shard 1 of/,
  );
});

test('an older meta.sqlite after an add-shard is refused, and nothing is written over', async () => {
  const { data, file } = await stopped();
  cpSync(file('meta.sqlite'), file('older'));
  const service = await startService({ data });
  expect((await shardctl(['add-shard', '--yes', '--data', data])).code).toBe(0);
  const etags = await putAll(service, 'newer');
  await service.end('SIGTERM');
  renameSync(file('meta.sqlite'), file('newest'));
  cpSync(file('older'), file('meta.sqlite'));
  const before = statSync(file('shard-3.sqlite')).size;

  expect(await whyNotStarted(data)).toMatch(
    /The meta\.sqlite of .* is an older copy: it ends with the ring of epoch 1, and .* knows that of epoch \d+\. .* `shardctl recover`/,
  );
  expect(statSync(file('shard-3.sqlite')).size).toBe(before);

  renameSync(file('newest'), file('meta.sqlite'));
  const again = await startService({ data });
  expect(await statusesOf(again)).toEqual({ 200: 60 });
  const [etag] = [(await fetch(`${again.url}/v1/kv/${keys[0]}`)).headers.get('etag')];
  expect(etag).toBe(etags[0]);
});

test('a lost meta.sqlite is not made anew over files of shards', async () => {
  const { data, file } = await stopped();
  renameSync(file('meta.sqlite'), file('elsewhere'));
  expect(await whyNotStarted(data)).toMatch(
    /has shard-1\.sqlite, shard-2\.sqlite, and no meta\.sqlite that says which slots .* `shardctl recover`/,
  );
  renameSync(file('elsewhere'), file('meta.sqlite'));
  expect(await statusesOf(await startService({ data }))).toEqual({ 200: 60 });
});

test('the id of a file that no shard has is never given to a new one', async () => {
  const { data, file } = await stopped();
  cpSync(file('shard-2.sqlite'), file('shard-7.sqlite'));
  const left = tablesOf(file('shard-7.sqlite'));
  const service = await startService({ data });
  expect(service.said.join('')).toContain('shard-7.sqlite belongs to no shard of this service: it is left unchanged');
  expect((await shardctl(['add-shard', '--yes', '--data', data])).code).toBe(0);
  expect((await service.processStatus('shard-8')).state).toBe('ready');
  await service.end('SIGTERM');
  expect(tablesOf(file('shard-7.sqlite'))).toEqual(left);
});

test('the id of a shard that was removed is not used again', async () => {
  const data = temporaryDirectory();
  const service = await startService({ data, args: ['--shards', '2', '--routers', '1'] });
  for (const shard of [3, 4]) {
    expect((await shardctl(['add-shard', '--yes', '--data', data])).code).toBe(0);
    expect((await service.processStatus(`shard-${shard}`)).state).toBe('ready');
    expect((await shardctl(['remove-shard', String(shard), '--yes', '--data', data])).code).toBe(0);
  }
});

test.each([
  ['single', []],
  ['cloned', ['--clones', '2']],
])('the file of a %s service that is missing, or older, is refused at the start', async (strategy, args) => {
  const data = temporaryDirectory();
  const first = await startService({ data, args: ['--strategy', strategy, ...args] });
  await putAll(first, 'value');
  await first.end('SIGTERM');
  const file = join(data, 'shard-1.sqlite');
  cpSync(file, `${file}.older`);
  const second = await startService({ data });
  await putAll(second, 'newer');
  await second.end('SIGTERM');

  renameSync(file, `${file}.newest`);
  expect(await whyNotStarted(data)).toMatch(/is missing\. It holds all keys, so nothing is served\..*shardctl recover/);
  cpSync(`${file}.older`, file);
  expect(await whyNotStarted(data)).toMatch(
    /is an older copy: it ends with write 60, but write 120 was acknowledged\./,
  );
  renameSync(`${file}.newest`, file);
  expect(await statusesOf(await startService({ data }))).toEqual({ 200: 60 });
});
