/** `shardctl export FILE`: nothing that is there is lost in silence, and it goes on while the service comes back. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { command } from '../support/command.ts';
import { shardctl, shardctlPath, startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

async function serviceWith(entries: number, valueBytes = 10): Promise<TestService> {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
  const value = 'x'.repeat(valueBytes);
  const lines = Array.from({ length: entries }, (_, n) => `${JSON.stringify({ key: `key-${n}`, value })}\n`);
  expect((await command(['import', '--data', service.data], { input: lines.join('') })).code).toBe(0);
  return service;
}

function linesIn(file: string): number {
  return readFileSync(file, 'utf8').split('\n').length - 1;
}

test('an export replaces no file unless --force is said, and leaves what was there when it is refused', async () => {
  const { data } = await serviceWith(10);
  const file = join(temporaryDirectory(), 'there.ndjson');
  writeFileSync(file, 'of worth\n');
  expect(await command(['export', file, '--data', data])).toMatchObject({
    code: 2,
    stderr: `shardctl: ${file} already exists. Use --force to replace it.\n`,
  });
  expect(readFileSync(file, 'utf8')).toBe('of worth\n');
  expect((await command(['export', file, '--force', '--data', data])).code).toBe(0);
  expect(linesIn(file)).toBe(10);
});

test('an export to a device, a pipe or a symbolic link goes into it, and it stays what it is', async () => {
  const { data } = await serviceWith(10);
  const directory = temporaryDirectory();
  const [device, pipe] = [join(directory, 'device'), join(directory, 'pipe')];
  // A device of our own: what the old way put in the place of /dev/null is hard to mend. Without the right to make
  // one, the symbolic link below stands for it.
  const isMade = await run('mknod', [device, 'c', '1', '3']);
  await run('mkfifo', [pipe]);

  if (isMade) {
    expect((await command(['export', device, '--data', data])).code).toBe(0);
    expect(lstatSync(device).isCharacterDevice()).toBe(true);
  }
  const reader = spawn('cat', [pipe]);
  const read = text(reader.stdout);
  expect((await command(['export', pipe, '--data', data])).code).toBe(0);
  expect((await read).split('\n')).toHaveLength(11);
  expect(lstatSync(pipe).isFIFO()).toBe(true);

  const [target, link, dangling] = ['target', 'link', 'dangling'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(target, 'of worth\n');
  symlinkSync(target, link);
  symlinkSync(join(directory, 'not-yet'), dangling);
  expect((await command(['export', link, '--data', data])).code).toBe(2);
  expect((await command(['export', link, '--force', '--data', data])).code).toBe(0);
  expect((await command(['export', dangling, '--data', data])).code).toBe(0);
  for (const one of [link, dangling]) expect([lstatSync(one).isSymbolicLink(), linesIn(one)]).toEqual([true, 10]);
  expect(readdirSync(directory).sort()).toEqual([
    'dangling',
    ...(isMade ? ['device'] : []),
    'link',
    'not-yet',
    'pipe',
    'target',
  ]);
});

test('an export to standard output goes where the shell has sent it, by any of its names', async () => {
  const { data } = await serviceWith(10);
  const file = join(temporaryDirectory(), 'out');
  for (const name of ['', '-', '/dev/stdout', '/dev/fd/1']) {
    const script = `"$0" "$1" export ${name} --data "$2" > "$3"`;
    expect(await run('/bin/sh', ['-c', script, process.execPath, shardctlPath, data, file])).toBe(true);
    expect(linesIn(file)).toBe(10);
  }
  expect((await shardctl(['export', '/dev/stdout', '--data', data])).stdout.split('\n')).toHaveLength(11);
});

test('an export that cannot be written ends in one sentence, and no half of it stays', async () => {
  const { data } = await serviceWith(10);
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'folder'));
  // A full disk of our own.
  const full = join(temporaryDirectory(), 'full');
  const isMade = await run('mknod', [full, 'c', '1', '7']);
  for (const [file, sentence] of [
    [join(directory, 'folder'), 'is a directory'],
    [join(directory, 'none', 'file'), 'ENOENT'],
    ...(isMade ? [[full, 'ENOSPC'] as const] : []),
  ] as const) {
    const { code, stderr } = await command(['export', file, '--data', data]);
    expect([code, stderr]).toEqual([1, expect.stringContaining(sentence)]);
    // Behind lines of progress.
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/^shardctl: /);
  }
  if (isMade) expect(statSync(full).isCharacterDevice()).toBe(true);
  expect(readdirSync(directory)).toEqual(['folder']);
});

test('an export that is interrupted leaves nothing behind, and what was there stays', async () => {
  const { data } = await serviceWith(20_000, 1_000);
  const directory = temporaryDirectory();
  const file = join(directory, 'entries.ndjson');
  writeFileSync(file, 'of worth\n');
  const child = spawn(process.execPath, [shardctlPath, 'export', file, '--force', '--data', data]);
  const ended = once(child, 'exit');
  while (readdirSync(directory).length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  child.kill('SIGINT');
  expect(await ended).toEqual([null, 'SIGINT']);
  expect([readdirSync(directory), readFileSync(file, 'utf8')]).toEqual([['entries.ndjson'], 'of worth\n']);
});

test('an export goes on where it was while the only router is restarted twice, and every entry is in it once', async () => {
  const entries = 20_000;
  const service = await serviceWith(entries, 1_000);
  const child = spawn(process.execPath, [shardctlPath, 'export', '--data', service.data]);
  const stderr = text(child.stderr);
  const keys: string[] = [];
  let rest = '';
  let kills = 0;
  const ended = once(child, 'exit');
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    for (const line of lines) keys.push((JSON.parse(line) as { key: string }).key);
    if (keys.length > (kills + 1) * 4_000 && kills < 2) {
      kills++;
      const { restarts } = await service.processStatus('router-1');
      await service.kill('router-1');
      if (kills === 1)
        await service.until('router-1', ({ state, restarts: now }) => state === 'ready' && now > restarts);
    }
  }
  expect([(await ended)[0], keys.length, new Set(keys).size]).toEqual([0, entries, entries]);
  expect(keys).toEqual([...keys].sort());
  expect(await stderr).toContain('20,000 entries exported');
});

/** Whether it succeeded. */
async function run(command: string, args: readonly string[]): Promise<boolean> {
  const [code] = (await once(spawn(command, args, { stdio: 'ignore' }), 'exit')) as [number];
  return code === 0;
}
