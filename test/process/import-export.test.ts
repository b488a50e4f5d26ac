/** `shardctl import` and `export`: what goes out comes in again byte for byte, whatever happens in between. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command } from '../support/command.ts';
import { shardctl, shardctlPath, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const valueBytesMax = 16 * 1024 * 1024;

async function put(service: TestService, path: string, body: string | Buffer, type?: string): Promise<void> {
  const headers = type === undefined ? {} : { 'content-type': type };
  const { status } = await fetch(`${service.url}/v1/kv/${path}`, { method: 'PUT', body: Buffer.from(body), headers });
  expect(status).toBe(201);
}

function withoutVersions(exported: string): string {
  return exported.replaceAll(/"version":\d+,/g, '');
}

// Two values of 16 MiB go in and out, one of them as 96 MiB of JSON: a busy machine takes its time.
test('an export, imported into another service and exported again, is the same byte for byte', async () => {
  const args = ['--shards', '2', '--value-bytes-max', String(valueBytesMax)];
  const [from, to] = [
    await startService({ data: temporaryDirectory(), args }),
    await startService({ data: temporaryDirectory(), args: [...args, '--shards', '3'] }),
  ];
  const binaryKey = `${Buffer.from(Array.from({ length: 1_024 }, (_, at) => at % 256)).toString('base64url')}?key-encoding=base64url`;
  await put(from, binaryKey, Buffer.from([0xff, 0x00, 0xfe]));
  await put(from, 'k'.repeat(1_024), 'a key of 1 KiB', 'text/plain');
  await put(from, 'empty', '');
  await put(from, 'text', 'line\r\n"quoted" \\ \u2028 😀 \u0000 \uFEFF', 'text/plain; charset="x"');
  await put(from, 'largest-zeros', Buffer.alloc(valueBytesMax));
  await put(from, 'largest-bytes', Buffer.alloc(valueBytesMax, Buffer.from([0xff, 1, 2])), 'image/png');
  await put(from, `expires?expires-at=${Date.now() + 1_000_000}`, 'for a while', 'text/html');
  await Promise.all(Array.from({ length: 2_500 }, (_, n) => put(from, `many/${n}`, `value ${n} `.repeat(n % 50))));

  const file = join(from.data, 'export.ndjson');
  const exported = await command(['export', file, '--data', from.data]);
  expect(exported).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringMatching(/2,507 entries exported in .*\n$/),
  });
  const imported = await command(['import', file, '--data', to.data]);
  expect(imported).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^2,507 entries read: 2,507 created, 0 replaced\. /),
  });
  const again = await shardctl(['export', '--data', to.data]);
  const [before, after] = [readFileSync(file, 'utf8'), again.stdout].map(withoutVersions);
  expect(before === after, 'the two exports are equal').toBe(true);
  expect(before?.split('\n').length).toBe(2_508);
  expect([existsSync(`${file}.part`), existsSync(`${file}.import`)]).toEqual([false, false]);

  const some = await command(['export', '--prefix', 'many/24', '--data', to.data]);
  expect(some.stdout.trimEnd().split('\n').length).toBe(111);
  expect((await command(['import', '--json', '--data', to.data], { input: some.stdout })).stdout).toMatch(
    /^\{"event":"done","lines":111,"created":0,"replaced":111,"expired":0,"refused":0,/,
  );
});

test('each refused entry is named by its line and code, all others are written, and the later of two is what stays', async () => {
  const service = await startService({
    data: temporaryDirectory(),
    args: ['--shards', '2', '--value-bytes-max', '1KiB'],
  });
  const lines = [
    ...Array.from({ length: 600 }, (_, n) => ({ key: `key-${n}`, value: 'first' })),
    { key: 'k'.repeat(1_025), value: '' },
    { key: 'large', value: 'x'.repeat(1_025) },
    { key: 'type', value: '', contentType: 'x'.repeat(256) },
    { key: 'half', value: '\ud800' },
    { key: 'both', value: '', valueBase64: '' },
    { key: 'huge', value: 'x'.repeat(17 * 1024 * 1024) },
    { key: 'over', value: 'gone', expiresAt: 1 },
    ...Array.from({ length: 600 }, (_, n) => ({ key: `key-${n}`, value: 'second' })),
  ].map((entry) => JSON.stringify(entry));
  const input = [...lines, '', '{"key":', '[]'].join('\n');

  const { code, stdout, stderr } = await shardctl(['import', '-', '--data', service.data], { input });
  expect(stderr.split('\n').map((line) => line.replace(/: .* \(/, ' ('))).toEqual(
    expect.arrayContaining([
      'line 601 (key-too-long)',
      'line 602 (value-too-large)',
      'line 603 (content-type-invalid)',
      'line 604 (batch-malformed)',
      'line 605 (batch-malformed)',
      'line 606 (value-too-large)',
      'line 1209 (batch-malformed)',
      'line 1210 (batch-malformed)',
    ]),
  );
  expect(stdout).toMatch(/^1,209 entries read: 600 created, 600 replaced, 1 already expired, 8 refused\. /);
  expect(code).toBe(1);
  for (const n of [0, 250, 599]) expect(await (await fetch(`${service.url}/v1/kv/key-${n}`)).text()).toBe('second');
  expect((await command(['verify', '--data', service.data])).code).toBe(0);
});

test('a killed import goes on where it was, while a shard is killed too, and every entry is there', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
  const file = join(service.data, 'entries.ndjson');
  const count = 60_000;
  writeFileSync(file, Array.from({ length: count }, (_, n) => `{"key":"key-${n}","value":"${n * 7}"}\n`).join(''));

  const importer = spawn(process.execPath, [shardctlPath, 'import', file, '--data', service.data], { stdio: 'ignore' });
  const ended = once(importer, 'exit');
  while (!(statSync(`${file}.import`, { throwIfNoEntry: false })?.size ?? 0))
    await new Promise((resolve) => setTimeout(resolve, 2));
  await service.kill('shard-1');
  importer.kill('SIGKILL');
  await ended;
  const { mark } = JSON.parse(readFileSync(`${file}.import`, 'utf8')) as { mark: { number: number } };
  expect(mark.number).toBeGreaterThan(0);
  expect(mark.number).toBeLessThan(count);

  // Another file, or another service, is not gone on with.
  const other = await startService({ data: temporaryDirectory(), args: ['--shards', '2'] });
  expect(await command(['import', file, '--resume', '--data', other.data])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`it went to another service, which was in ${service.data}`),
  });

  const resumed = await command(['import', file, '--resume', '--data', service.data]);
  expect(resumed.stderr).toContain(`Continuing after line ${mark.number.toLocaleString('en-US')}.`);
  expect(resumed.stdout).toMatch(/^60,000 entries read: /);
  expect(resumed.code).toBe(0);
  const { stdout } = await command(['export', '--data', service.data]);
  const found = new Map(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => {
        const { key, value } = JSON.parse(line) as { key: string; value: string };
        return [key, value];
      }),
  );
  expect(found.size).toBe(count);
  for (let n = 0; n < count; n++) if (found.get(`key-${n}`) !== String(n * 7)) throw new Error(`key-${n} is wrong`);
  expect((await command(['import', '--resume', '--data', service.data])).code).toBe(2);
});
