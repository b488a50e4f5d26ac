/** `shardctl import`: from whatever a shell can name, and resumed only where it would be the same import. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { command } from '../support/command.ts';
import { shardctl, shardctlPath, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

function linesUpTo(count: number): string {
  return Array.from({ length: count }, (_, n) => `${JSON.stringify({ key: `key-${n}`, value: `${n * 7}` })}\n`).join(
    '',
  );
}

/** Begins to import the file, and is killed once it has left a mark. Resolves with the number of lines of the mark. */
async function killedImport(file: string, service: TestService): Promise<number> {
  const importer = spawn(process.execPath, [shardctlPath, 'import', file, '--data', service.data], { stdio: 'ignore' });
  const ended = once(importer, 'exit');
  while (!(statSync(`${file}.import`, { throwIfNoEntry: false })?.size ?? 0))
    await new Promise((resolve) => setTimeout(resolve, 2));
  importer.kill('SIGKILL');
  await ended;
  return (JSON.parse(readFileSync(`${file}.import`, 'utf8')) as { mark: { number: number } }).mark.number;
}

async function keysIn(service: TestService): Promise<number> {
  const { stdout } = await command(['export', '--data', service.data]);
  return stdout.split('\n').length - 1;
}

test('an import is not resumed into a service that was made anew in the same place: no line is skipped', async () => {
  const [data, file] = [temporaryDirectory(), join(temporaryDirectory(), 'entries.ndjson')];
  writeFileSync(file, linesUpTo(30_000));
  const first = await startService({ data, args: ['--shards', '2'] });
  await killedImport(file, first);
  await first.end('SIGTERM');
  rmSync(data, { recursive: true });

  const second = await startService({ data, args: ['--shards', '2'] });
  expect(await command(['import', file, '--resume', '--data', data])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('it went to another service'),
  });
  expect((await command(['import', file, '--data', data])).stdout).toMatch(/^30,000 entries read: 30,000 created/);
  expect(await keysIn(second)).toBe(30_000);
});

test('an import is resumed by what the file holds, not by its name or time', async () => {
  const [service, file] = [
    await startService({ data: temporaryDirectory(), args: ['--shards', '2'] }),
    join(temporaryDirectory(), 'entries.ndjson'),
  ];
  writeFileSync(file, linesUpTo(30_000));
  const reached = await killedImport(file, service);

  // As long as before, and different within what was imported.
  const line = `{"key":"key-1","value":"7"}`;
  writeFileSync(file, linesUpTo(30_000).replace(line, line.replace('key-1', 'kez-1')));
  const changed = { code: 1, stderr: expect.stringContaining('the file has changed since') };
  expect(await command(['import', file, '--resume', '--data', service.data])).toMatchObject(changed);
  writeFileSync(file, linesUpTo(30_001));
  expect(await command(['import', file, '--resume', '--data', service.data])).toMatchObject(changed);

  // A copy that was put back.
  writeFileSync(file, linesUpTo(30_000));
  const resumed = await command(['import', file, '--resume', '--data', service.data]);
  expect(resumed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^30,000 entries read: /) });
  expect(resumed.stderr).toContain(`Continuing after line ${reached.toLocaleString('en-US')}.`);
  expect(await keysIn(service)).toBe(30_000);
});

test('a pipe is imported whether it is named, is /dev/stdin, or is standard input, and none of them can be resumed', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2'] });
  const directory = temporaryDirectory();
  const file = join(directory, 'entries.ndjson');
  writeFileSync(file, linesUpTo(1_000));
  const scripts = [
    'cat "$1" | node "$0" import /dev/stdin --data "$2"',
    'cat "$1" | node "$0" import /dev/fd/0 --data "$2"',
    'cat "$1" | node "$0" import --data "$2"',
    'mkfifo "$1.pipe"; (cat "$1" > "$1.pipe" &); node "$0" import "$1.pipe" --data "$2"',
    'node "$0" import /dev/stdin --data "$2" < "$1"',
  ];
  for (const script of scripts) {
    const { code, output } = await shell(script, [shardctlPath, file, service.data]);
    expect([script, code, output]).toEqual([script, 0, expect.stringContaining('1,000 entries read: ')]);
  }
  for (const name of ['/dev/stdin', `${file}.pipe`]) {
    expect(await command(['import', name, '--resume', '--data', service.data])).toMatchObject({
      code: 2,
      stderr: 'shardctl: Only the import of a file can be resumed, because a pipe cannot be read again.\n',
    });
  }
});

/** Resolves with what the script wrote, to standard output and error. */
async function shell(script: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  const child = spawn('/bin/sh', ['-c', script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output };
}

test('what cannot be read is named in one sentence', async () => {
  const { data } = await startService({ data: temporaryDirectory() });
  const directory = temporaryDirectory();
  for (const [file, sentence] of [
    [directory, `${directory} is a directory`],
    [join(directory, 'none'), `The file ${join(directory, 'none')} cannot be read: ENOENT`],
    // Its size is 0, and reading it fails.
    ['/proc/self/mem', 'The file /proc/self/mem cannot be read: '],
  ] as const) {
    const { code, stdout, stderr } = await command(['import', file, '--data', data]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`shardctl: ${sentence}`);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  }
});

test('two imports of one file at once both write all of it', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2'] });
  const file = join(temporaryDirectory(), 'entries.ndjson');
  writeFileSync(file, linesUpTo(20_000));
  const both = await Promise.all([1, 2].map(() => shardctl(['import', file, '--data', service.data])));
  expect(both.map(({ code, stdout }) => [code, stdout.slice(0, 20)])).toEqual(
    both.map(() => [0, '20,000 entries read:']),
  );
  expect(await keysIn(service)).toBe(20_000);
  expect(existsSync(`${file}.import`)).toBe(false);
});

test('an import whose mark cannot be written goes on, and says that it cannot be resumed', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2'] });
  const file = join(temporaryDirectory(), 'entries.ndjson');
  writeFileSync(file, linesUpTo(2_000));
  mkdirSync(`${file}.import`);
  const { code, stdout, stderr } = await command(['import', file, '--data', service.data]);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^2,000 entries read: 2,000 created/)]);
  expect(stderr.match(/cannot be resumed/g)).toHaveLength(1);
  expect(stderr).toContain(`${file}.import cannot be written: EISDIR`);
});
