/** What examples/README.md shows happens: each example runs as a user would run it. */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connect } from '../../src/client/connect.ts';
import { allOf } from '../support/all-of.ts';
import { expectText, hasChromium, useChromium } from '../support/chromium.ts';
import { startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const pathOf = (program: string) => fileURLToPath(new URL(`../../${program}`, import.meta.url));

test('the example imports real records while a shard is added and one is killed, and every one comes back equal', async () => {
  const example = pathOf('dist/examples/cities/import-cities.js');
  const child = spawn(process.execPath, [example, '--records', '5000'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [output, progress, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  expect(code).toBe(0);
  expect(output).toContain('compared   5,000 equal byte for byte, 0 different or missing');
  expect(output).toMatch(/^listed +[\d,]+ keys that begin with cities\/A[A-Z]\/, all that there are, in order$/m);
  expect(output).toMatch(/^watched +5,000 keys heard of/m);
  expect(output).toMatch(/^shard-1 +33\.3 % +[\d,]+ +\d+\.\d % +1$/m);
  expect(output).toMatch(/^shard-3 +33\.3 % +[\d,]+ +\d+\.\d % +0$/m);
  expect(output).toMatch(/Nothing was lost\.\n$/);
  expect(progress).toMatch(/Half-way: shard-1 \(pid \d+\) was killed with SIGKILL/);
});

test('a session goes on whichever process of the application answers, and when one is killed', async ({ signal }) => {
  const service = await startService({ data: temporaryDirectory(), args: ['--strategy', 'single'] });
  const { url } = await startExample('examples/sessions/server.mjs', {
    SHARDLITE_URL: service.url,
    SESSION_SECRET: 'a secret that only this test knows',
  });
  // Each request over a connection of its own: the primary deals those to its processes in turns. One that was dealt to a
  // process that is dead already is never answered.
  const dispatcher = new Agent({ pipelining: 0, headersTimeout: 5_000 });
  onTestFinished(() => dispatcher.destroy());
  let cookie = '';
  const visit = async () => {
    signal.throwIfAborted();
    const answer = await request(url, { headers: { cookie }, dispatcher });
    cookie = String(answer.headers['set-cookie'] ?? cookie).split(';')[0] as string;
    return (await answer.body.json()) as { readonly visits: number; readonly answeredBy: number };
  };
  const processes = new Set<number>();
  let visits = 0;
  while (processes.size < 2) {
    const answer = await visit();
    expect(answer.visits).toBe(++visits);
    processes.add(answer.answeredBy);
  }
  process.kill([...processes][0] as number, 'SIGKILL');
  // A connection that was dealt to the dead process fails; the next one does not.
  let answeredBy: number | undefined;
  while (answeredBy === undefined || processes.has(answeredBy)) {
    const answer = await visit().catch(() => signal.throwIfAborted());
    if (answer === undefined) continue;
    expect(answer.visits).toBeGreaterThan(visits);
    ({ visits, answeredBy } = answer);
  }
  const [session] = await allOf(connect(service.url).list({ prefix: 'session/' }));
  expect(session?.expiresAt).toBeGreaterThan(Date.now());
});

describe.skipIf(!hasChromium)('the leaderboard', () => {
  const opened = useChromium();

  test('shows in one window what is clicked in another, the best first', async () => {
    const { url } = await startExample('examples/leaderboard/server.mjs');
    const mine = await opened(url);
    const theirs = await opened(url);
    for (const { page } of [mine, theirs]) await expectText(page, '#state', /Live/);
    for (const player of ['Ada', 'Grace']) {
      await mine.page.getByRole('textbox').fill(player);
      await mine.page.getByRole('button', { name: 'Join' }).click();
      await expectText(theirs.page, '#board li', new RegExp(`${player}0`));
    }
    const button = theirs.page.getByRole('button', { name: 'A point for Grace' });
    await button.click();
    await expectText(mine.page, '#board li:nth-child(1)', /1Grace1/);
    await expectText(theirs.page, '#board li:nth-child(1)', /1Grace1/);
    // The row has moved under the pointer, and still has the focus.
    await button.press('Enter');
    await button.press('Enter');
    await expectText(mine.page, '#board li:nth-child(1)', /1Grace3/);
    await expectText(mine.page, '#board li:nth-child(2)', /2Ada0/);
    await theirs.page.reload();
    await expectText(theirs.page, '#board li:nth-child(1)', /1Grace3/);
    expect([...mine.complaints, ...theirs.complaints]).toEqual([]);
  });
});

/** A program of `examples/` on any free port, until the test ends; the first line that it prints is its address. */
async function startExample(program: string, env: NodeJS.ProcessEnv = {}): Promise<{ readonly url: string }> {
  const child: ChildProcessByStdio<null, Readable, null> = spawn(process.execPath, [pathOf(program)], {
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await exited;
  });
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { url };
}
