/** `shardctl top` on a real terminal, which `script` (util-linux) makes. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFailed, onTestFinished, test } from 'vitest';
import { shardctl, shardctlPath, startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const home = '\x1b[H';
const leaveScreen = '\x1b[?25h\x1b[?1049l';

/** A terminal of 80 columns, and what stands on it. */
function terminal(args: readonly string[]) {
  const command = [process.execPath, shardctlPath, ...args].map((part) => `'${part}'`).join(' ');
  const child = spawn('script', ['-qec', `stty cols 80 rows 24; ${command}`, '/dev/null'], {
    env: { ...process.env, TERM: 'xterm' },
  });
  let isOver = false;
  onTestFinished(() => {
    isOver = true;
    child.kill('SIGKILL');
  });
  let written = '';
  onTestFailed(() => console.error(`The terminal's last output: ${JSON.stringify(written.slice(-3_000))}`));
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written += text;
  });
  const ended = once(child, 'close');
  return {
    type: (keys: string) => child.stdin.write(keys),
    ended: async () => ((await ended) as [number])[0],
    written: () => written,
    /** Waits for a screen that looks so; the test's own time-out ends a wait in vain. */
    until: async (pattern: RegExp): Promise<string[]> => {
      while (!isOver) {
        const screens = written.split(home).slice(1, -1);
        const found = screens.findLast((screen) => pattern.test(screen));
        if (found !== undefined) {
          written = `${home}${written.split(home).at(-1)}`;
          // biome-ignore lint/suspicious/noControlCharactersInRegex: what steers a terminal begins with one.
          return found.replace(/\x1b\[[\d?]*[A-Za-z]/g, '').split('\r\n');
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`No screen matched ${pattern}.`);
    },
  };
}

test('top is live, fits 80 columns, outlives the service, finds it again, and ends with q', async () => {
  const data = temporaryDirectory();
  const args = ['--shards', '2', '--routers', '1'];
  const service = await startService({ data, args });
  const screen = terminal(['top', '--data', data]);
  const lines = await screen.until(/ready/);
  expect(lines[0]).toMatch(/^Shardlite .* ready .* q ends$/);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines.slice(6).map((line) => line.split(' ')[0])).toEqual([
    'process',
    'primary',
    'router-1',
    'shard-1',
    'shard-2',
  ]);
  // One alone were none a second, where top had to wait for its figures.
  const write = (_: unknown, index: number) => fetch(`${service.url}/v1/kv/${index}`, { method: 'PUT', body: 'value' });
  await Promise.all(Array.from({ length: 50 }, write));
  await screen.until(/writes +[1-9]\d*\/s +p50 +[\d.]+ ms/);

  await service.end('SIGTERM');
  await screen.until(/No service on .* for /);
  await startService({ data, args });
  await screen.until(/Shardlite .* ready/);
  screen.type('q');
  expect(await screen.ended()).toBe(0);
  expect(screen.written().endsWith(leaveScreen)).toBe(true);
});

test('top without a terminal, or without a service at first, says so', async () => {
  const data = temporaryDirectory();
  expect(await shardctl(['top', '--data', data])).toMatchObject({
    code: 2,
    stdout: '',
    stderr: 'shardctl: top needs a terminal. `shardctl status --watch` prints lines.\n',
  });
  const screen = terminal(['top', '--data', data]);
  expect(await screen.ended()).toBe(3);
  expect(screen.written()).toContain('has no running service');
});
