/** `shardctl watch` beside a real service that goes away and comes back. */

import { spawn } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { shardctl, shardctlPath, startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

function watch(args: readonly string[]) {
  const child = spawn(process.execPath, [shardctlPath, 'watch', ...args]);
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const heard = { said: '', noted: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    heard.said += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    heard.noted += chunk;
  });
  return {
    heard,
    /** The test's own time-out ends a wait in vain. */
    until: async (holds: (now: typeof heard) => boolean) => {
      while (!holds(heard)) await new Promise((resolve) => setTimeout(resolve, 5));
    },
  };
}

test('watch shows each change of its prefix once, also those of a service that was away, and goes on behind any of them', async () => {
  const data = temporaryDirectory();
  const args = ['--shards', '1', '--routers', '1'];
  const first = await startService({ data, args });
  const { port } = new URL(first.url);
  const text = watch(['--data', data, '--prefix', 'users/']);
  await text.until(({ noted }) => noted === 'Watching: Ctrl-C ends.\n');
  const write = (url: string, key: string, method = 'PUT') =>
    fetch(`${url}/v1/kv/${key}`, { method, ...(method === 'PUT' && { body: 'value' }) });
  await write(first.url, 'users/ada');
  await write(first.url, 'others/bob');
  await text.until(({ said }) => said === 'put     users/ada  version 1\n');
  await first.end('SIGTERM');
  await text.until(({ noted }) => /gives no answer .*: asking again\.\n$/.test(noted));

  const second = await startService({ data, args: [...args, '--port', port] });
  await write(second.url, 'users/ada', 'DELETE');
  await write(second.url, 'users/%F0%9F%A6%8A');
  await text.until(({ said }) => said.split('\n').length > 3);
  expect(text.heard.said).toMatch(
    /^put {5}users\/ada {2}version 1\ndelete {2}users\/ada {2}version \d+\nput {5}users\/🦊 {2}version \d+\n$/,
  );
  expect(text.heard.noted).toMatch(/The service answers again\.\n$/);

  // Another one knows where the first change was.
  const json = watch(['--url', second.url, '--json']);
  await json.until(({ noted }) => noted !== '');
  await write(second.url, 'a');
  await json.until(({ said }) => said.endsWith('\n'));
  const { id, ...change } = JSON.parse(json.heard.said);
  expect(change).toEqual({ type: 'put', key: 'a', version: expect.any(Number) });
  const behind = watch(['--url', second.url, '--json', '--after', id]);
  await write(second.url, 'b');
  await behind.until(({ said }) => said.endsWith('\n'));
  expect(JSON.parse(behind.heard.said)).toMatchObject({ key: 'b' });
  expect(await shardctl(['watch', '--url', second.url, '--after', 'never'])).toMatchObject({
    code: 2,
    stderr: 'shardctl: --after is "never", but must be the id of a change, as `shardctl watch --json` shows it.\n',
  });
});
