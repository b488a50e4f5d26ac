/** What users are shown is what happens: each command is run, in order, against the real app. */

import { exec, execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startRestApp } from '../support/rest-app.ts';
import { userDoc } from '../support/user-docs.ts';

const api = userDoc('docs/api.md');
const readme = userDoc('README.md');

type Example = { readonly command: string; readonly output: string };

/** A command follows `$ `, until its quotes are closed; the rest is what it prints. */
function examplesIn(text: string): Example[] {
  return [...text.matchAll(/```console\n(.*?)```/gs)].flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((example) => {
        const command = (/^(?:[^\n']|'[^']*')*/.exec(example) as RegExpExecArray)[0];
        return { command, output: example.slice(command.length).trim() };
      }),
  );
}

/** `…` stands for anything. */
function patternOf(output: string): RegExp {
  const parts = output.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*')}$`);
}

test.each([
  ['the page of the API', api.slice(0, api.indexOf('\n## REST')), 11],
  ['the README', readme.slice(readme.indexOf('## The API by example'), readme.indexOf('## Add a shard')), 5],
])('each console example of %s prints what it says', async (_page, section, count) => {
  const { url } = await startRestApp();
  const examples = examplesIn(section);
  expect(examples.length).toBeGreaterThanOrEqual(count);
  for (const { command, output } of examples) {
    const asked = command.replaceAll('http://127.0.0.1:7700', url).replace('curl', 'curl --silent');
    // A watch ends with its time.
    const { stdout } = await promisify(exec)(asked).catch((error: { code: number; stdout: string }) => {
      expect([command, error.code]).toEqual([command, 28]);
      return error;
    });
    expect(stdout.replaceAll('\r', '').trim(), command).toMatch(patternOf(output));
  }
});

test('the example in JavaScript updates what is there, and lists it', async () => {
  const { url } = await startRestApp();
  await fetch(`${url}/v1/kv/users/ada`, {
    method: 'PUT',
    body: '{"name":"Ada"}',
    headers: { 'content-type': 'application/json' },
  });
  const client = new URL('../../dist/src/client/public.js', import.meta.url);
  const script = (/```js\n(.*?)```/s.exec(api) as RegExpExecArray)[1]
    ?.replaceAll('http://127.0.0.1:7700', url)
    .replace("'shardlite'", `'${client}'`);
  const log = vi.spyOn(console, 'log').mockReturnValue();
  onTestFinished(() => log.mockRestore());
  await import(/* @vite-ignore */ `data:text/javascript,${encodeURIComponent(script as string)}`);
  expect(await (await fetch(`${url}/v1/kv/users/ada`)).json()).toEqual({ name: 'Ada', visits: 1 });
  expect(log.mock.calls).toEqual([
    ['users/ada', 'Ada'],
    ['users/grace', 'Grace'],
  ]);
});

/** Debian's python3-httpx is for Debian's Python, which need not be the first of the path. */
const python = ['python3', '/usr/bin/python3'].find((one) => spawnSync(one, ['-c', 'import httpx']).status === 0);
if (python === undefined) console.warn('SKIPPED: there is no Python with httpx (Debian: python3-httpx).');

test.skipIf(python === undefined)('the example in Python writes, changes what it read, and counts once', async () => {
  const { url } = await startRestApp();
  const program = /```python\n(.*?)```/s.exec(api)?.[1]?.replaceAll('http://127.0.0.1:7700', url) as string;
  const { stdout } = await promisify(execFile)(python as string, ['-c', program]);
  expect(stdout.split('\n')).toEqual(["204 {'name': 'Alan', 'visits': 1}", '1', '1', '']);
});
