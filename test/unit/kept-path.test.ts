/** A Unix socket stays where it is reached, unless that place is now another's. */

import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { keepPath } from '../../src/ports/kept-path.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

async function kept() {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const home = join(temporaryDirectory(), 'data');
  const [run, path] = [join(home, 'run'), join(home, 'run', 'a.sock')];
  mkdirSync(run, { recursive: true });
  const server = createServer((stream) => stream.pipe(stream));
  server.listen(path);
  await once(server, 'listening');
  const letGo = keepPath(server, path);
  onTestFinished(() => {
    letGo();
    server.close();
    vi.useRealTimers();
  });
  const reached = async () => {
    const stream = connect(path);
    onTestFinished(() => void stream.destroy());
    await once(stream, 'connect');
    return stream;
  };
  return { home, run, path, server, letGo, reached };
}

test('what is removed, replaced, or lies in a directory that is gone, is made anew, and open connections stay', async () => {
  const { run, path, server, reached } = await kept();
  const open = await reached();
  for (const harm of [
    () => rmSync(path),
    () => {
      rmSync(path);
      writeFileSync(path, '');
    },
    () => rmSync(run, { recursive: true }),
  ]) {
    harm();
    await expect(reached()).rejects.toThrow();
    const again = once(server, 'listening');
    vi.advanceTimersByTime(1_000);
    await again;
    await reached();
  }
  open.write('still here');
  expect(String(await once(open, 'data'))).toBe('still here');
});

test('in the place of a data directory that was moved away it makes nothing', async () => {
  const { home, run, path } = await kept();
  renameSync(home, `${home}-elsewhere`);
  mkdirSync(run, { recursive: true });
  vi.advanceTimersByTime(5_000);
  expect(existsSync(path)).toBe(false);
});
