/** The files of the log: what goes where, what is kept, and that a line which finds no place is counted. */

import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type LogLine, LogReader } from '../../src/cli/log-reader.ts';
import { adoptLogSettings, createLog } from '../../src/supervision/log.ts';
import { LogFile } from '../../src/supervision/log-file.ts';
import { LogOutput } from '../../src/supervision/log-output.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

type Limits = { readonly fileBytesMax?: number; readonly filesMax?: number };

function logIn(directory: string, { fileBytesMax = 0, filesMax = 5 }: Limits = {}, name = 'router-1'): LogFile {
  return new LogFile({ directory, name, fileBytesMax, filesMax });
}

const lineOf = (time: number, what = '') => `${JSON.stringify({ time, what })}\n`;

/** Everything that stands in the directory, in the order of the names of its files: those set aside first. */
function textIn(directory: string): string {
  const isAside = (file: string) => file.split('.').length === 3;
  const files = readdirSync(directory).sort((a, b) => Number(isAside(b)) - Number(isAside(a)) || (a < b ? -1 : 1));
  return files.map((file) => readFileSync(join(directory, file), 'utf8')).join('');
}

test('lines stand in the file in order, in a directory that is made when it is not there', async () => {
  const directory = join(temporaryDirectory(), 'logs');
  const log = logIn(directory);
  const lines = Array.from({ length: 100 }, (_, n) => lineOf(n));
  for (const line of lines) expect(log.take(line)).toBe(true);
  await expect.poll(() => existsSync(directory) && textIn(directory)).toBe(lines.join(''));
  expect(statSync(join(directory, 'router-1.log')).mode & 0o777).toBe(0o600);
});

test('a file that is full is set aside, each line stands in one file, and the oldest files are removed', async () => {
  const directory = temporaryDirectory();
  const log = logIn(directory, { fileBytesMax: 100, filesMax: 3 });
  const lines = Array.from({ length: 60 }, (_, n) => lineOf(n + 1_000, 'x'));
  // Of another process: they are left alone.
  const others = logIn(directory, { fileBytesMax: 100, filesMax: 3 }, 'router-10');
  others.take(lineOf(1));
  for (const line of lines) log.take(line);
  await expect.poll(() => textIn(directory)).toContain(lines.at(-1));
  const mine = readdirSync(directory).filter((file) => file.startsWith('router-1.'));
  expect(mine.length).toBe(3);
  for (const file of mine) expect(statSync(join(directory, file)).size).toBeLessThan(100 + lineOf(1_000, 'x').length);
  const kept = textIn(directory)
    .split('\n')
    .filter((line) => line.includes('"x"'));
  expect(kept).toEqual(lines.slice(-kept.length).map((line) => line.trimEnd()));
  expect(kept.length).toBeGreaterThan(6);
  expect(existsSync(join(directory, 'router-10.log'))).toBe(true);
});

test('another level and other limits hold for a log that is open already', async () => {
  const directory = temporaryDirectory();
  const files = { directory, fileBytesMax: 0, filesMax: 5 };
  const log = await createLog('primary', { level: 'info', files });
  for (let line = 0; line < 10; line++) log.info('before');
  adoptLogSettings(log, { level: 'warn', files });
  log.info('unsaid');
  log.warn('said');
  await expect.poll(() => textIn(directory)).toContain('said');
  expect(textIn(directory)).not.toContain('unsaid');
  expect(readdirSync(directory)).toEqual(['primary.log']);

  adoptLogSettings(log, { level: 'info', files: { ...files, fileBytesMax: 100, filesMax: 2 } });
  for (let line = 0; line < 10; line++) log.info(`after ${line}`);
  await expect.poll(() => textIn(directory)).toContain('after 9');
  await expect.poll(() => readdirSync(directory).length).toBe(2);
  expect(textIn(directory)).not.toContain('before');
  adoptLogSettings(log, { level: 'info', files: null });
  log.info('goes where it went');
  await expect.poll(() => textIn(directory)).toContain('goes where it went');
});

test('after the file was moved away lines go to it until it is opened anew', async () => {
  const directory = temporaryDirectory();
  const [path, moved] = [join(directory, 'router-1.log'), join(directory, 'moved')];
  const log = logIn(directory);
  log.take(lineOf(1));
  await expect.poll(() => existsSync(path) && readFileSync(path, 'utf8')).toBe(lineOf(1));
  renameSync(path, moved);
  log.take(lineOf(2));
  await expect.poll(() => readFileSync(moved, 'utf8')).toBe(lineOf(1) + lineOf(2));
  log.reopen();
  log.take(lineOf(3));
  await expect.poll(() => existsSync(path) && readFileSync(path, 'utf8')).toBe(lineOf(3));
});

test('a full file that was moved away is not set aside: the next lines begin a new one', async () => {
  const directory = temporaryDirectory();
  const [path, moved] = [join(directory, 'router-1.log'), join(directory, 'moved')];
  const log = logIn(directory, { fileBytesMax: 10 });
  log.take(lineOf(1));
  await expect.poll(() => existsSync(path) && readFileSync(path, 'utf8')).toBe(lineOf(1));
  renameSync(path, moved);
  log.take(lineOf(2));
  await expect.poll(() => existsSync(path) && readFileSync(path, 'utf8')).toBe(lineOf(2));
  expect([readFileSync(moved, 'utf8'), readdirSync(directory).sort(), log.lost]).toEqual([
    lineOf(1),
    ['moved', 'router-1.log'],
    0,
  ]);
});

test('lines that a full disk does not take are counted, and the count is told when there is room again', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'router-1.log');
  symlinkSync('/dev/full', path);
  const log = logIn(directory);
  const output = new LogOutput(log, (lost) => `${lost} lost\n`);
  for (let n = 0; n < 10; n++) output.write(lineOf(n));
  await expect.poll(() => output.lost).toBe(10);
  unlinkSync(path);
  log.reopen();
  output.write(lineOf(11));
  await expect.poll(() => existsSync(path) && readFileSync(path, 'utf8')).toBe(`10 lost\n${lineOf(11)}`);
});

test('what is logged faster than it is written is dropped and counted beyond a mebibyte, and nobody waits', async () => {
  const directory = temporaryDirectory();
  const log = logIn(directory);
  const output = new LogOutput(log, (lost) => `${lost} lost\n`);
  const line = lineOf(1, 'x'.repeat(1_000));
  for (let n = 0; n < 2_000; n++) output.write(line);
  const { lost } = output;
  expect(lost).toBeGreaterThan(900);
  expect(lost).toBeLessThan(1_100);
  const linesOf = () => (existsSync(join(directory, 'router-1.log')) ? textIn(directory).split('\n') : []);
  const taken = () => linesOf().filter((one) => one.length > 1_000).length;
  await expect.poll(taken).toBe(2_000 - lost);
  output.write('after\n');
  await expect.poll(() => linesOf().at(-2)).toBe('after');
  // A note may have found room where no line did.
  const told = linesOf().map((one) => Number(/^(\d+) lost$/.exec(one)?.[1] ?? 0));
  expect(told.reduce((sum, one) => sum + one, 0)).toBe(lost);
});

async function all(lines: AsyncIterable<LogLine>): Promise<readonly string[]> {
  const found = [];
  for await (const { text } of lines) found.push(text);
  return found;
}

test('a reader tells the lines of all processes in order of time, and each once while files are set aside and removed', async () => {
  const directory = temporaryDirectory();
  const limits = { fileBytesMax: 200, filesMax: 3 };
  const logs = [logIn(directory, limits, 'router-1'), logIn(directory, limits, 'shard-1')] as const;
  const reader = new LogReader(directory, () => true);
  let time = 1_000;
  for (let round = 0; round < 20; round++) {
    const lines = Array.from({ length: 10 }, () => lineOf(++time, 'é'.repeat(time % 7)));
    for (const [n, line] of lines.entries()) logs[n % 2]?.take(line);
    await expect.poll(() => lines.every((line) => textIn(directory).includes(line)), { interval: 2 }).toBe(true);
    expect(await all(reader.newLines())).toEqual(lines.map((line) => line.trimEnd()));
  }
  expect(await all(reader.newLines())).toEqual([]);
  await reader.stop();
  const one = new LogReader(directory, (name) => name === 'shard-1');
  const ofOne = await all(one.newLines());
  expect(ofOne.length).toBeGreaterThan(3);
  expect(ofOne.every((line) => (JSON.parse(line) as { time: number }).time % 2 === 0)).toBe(true);
  await one.stop();
  rmSync(directory, { recursive: true });
});

test('a file that has no name while a reader looks, because it just gets another, is not read twice', async () => {
  const directory = temporaryDirectory();
  const [path, nowhere] = [join(directory, 'router-1.log'), join(temporaryDirectory(), 'nowhere')];
  const log = logIn(directory);
  const reader = new LogReader(directory, () => true);
  log.take(lineOf(1));
  await expect.poll(() => all(reader.newLines())).toEqual([lineOf(1).trimEnd()]);
  renameSync(path, nowhere);
  expect(await all(reader.newLines())).toEqual([]);
  renameSync(nowhere, path);
  log.take(lineOf(2));
  await expect.poll(() => all(reader.newLines())).toEqual([lineOf(2).trimEnd()]);
  await reader.stop();
});

test('a reader keeps the order of lines while files are set aside as it looks', async () => {
  const directory = temporaryDirectory();
  const log = logIn(directory, { fileBytesMax: 60, filesMax: 10_000 });
  const reader = new LogReader(directory, () => true);
  const lines = Array.from({ length: 2_000 }, (_, n) => lineOf(n));
  const told: string[] = [];
  const write = async () => {
    for (const line of lines) {
      log.take(line);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const written = write();
  while (told.length < lines.length) told.push(...(await all(reader.newLines())));
  await written;
  expect(told).toEqual(lines.map((line) => line.trimEnd()));
  await reader.stop();
});

test('however many logs there are, one listens for the end of the process', () => {
  const directory = temporaryDirectory();
  logIn(directory);
  const before = process.listenerCount('exit');
  for (let log = 0; log < 20; log++) logIn(directory);
  expect(process.listenerCount('exit')).toBe(before);
});
