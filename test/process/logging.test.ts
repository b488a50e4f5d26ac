/** The log is for people and never in the way: a service goes on, and stops, whether or not its log finds a place. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { statusOfService } from '../../src/admin/admin-client.ts';
import type { ServiceStatus } from '../../src/admin/contract.ts';
import { shardctl, shardctlPath } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/** A service whose standard output is this descriptor; resolves when it serves. */
async function startLoggingTo(descriptor: number, env: NodeJS.ProcessEnv = {}) {
  const data = temporaryDirectory();
  const child = spawn(process.execPath, [shardctlPath, 'start', '--port', '0', '--data', data], {
    stdio: ['ignore', descriptor, 'pipe'],
    env: { ...process.env, ...env },
  });
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  for (;;) {
    const status: ServiceStatus | undefined = await statusOfService(data).catch(() => undefined);
    if (status?.state === 'ready') return { data, child, ended };
    if (child.exitCode !== null) throw new Error(`it ended: ${await text(child.stderr as Readable)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test.each(['stop', 'SIGTERM'] as const)(
  'with its log on a full disk a service serves, loses a shard, and ends by %s',
  async (how) => {
    const full = openSync('/dev/full', 'w');
    onTestFinished(() => closeSync(full));
    const { data, child, ended } = await startLoggingTo(full, { SHARDLITE_LOG_LEVEL: 'debug' });
    const { url, processes } = await statusOfService(data);
    process.kill(processes.find(({ id }) => id === 'shard-1')?.pid as number, 'SIGKILL');
    for (let n = 0; n < 10; n++) {
      expect((await fetch(`${url}/v1/kv/key-${n}`, { method: 'PUT', body: 'value' })).status).toBe(201);
    }
    expect((await statusOfService(data)).logLinesLost).toBeGreaterThan(2);
    expect((await shardctl(['status', '--data', data])).stdout).toMatch(/Lost from the primary's log: \d+ lines/);
    if (how === 'stop') expect((await shardctl(['stop', '--data', data])).code).toBe(0);
    else child.kill(how);
    expect(await ended).toEqual([0, null]);
  },
);

const logModule = fileURLToPath(new URL('../../dist/src/supervision/log.js', import.meta.url));

test.each([
  ['a pipe', ['/bin/sh', '-c', '"$0" --input-type=module -e "$1" | { read -r go < "$2"; cat; }']],
  ['a socket', undefined],
] as const)('lines that %s does not take are dropped and counted, and nobody waits', async (_, viaShell) => {
  // What a process does that logs far more than anybody reads.
  const program = `
    import { createLog, logLinesLost } from ${JSON.stringify(logModule)};
    const log = await createLog('noisy', { level: 'info', files: null });
    const begunAtMs = performance.now();
    for (let n = 0; n < 50_000; n++) log.info({ n }, 'x'.repeat(100));
    const lost = logLinesLost();
    process.stderr.write(JSON.stringify({ lost, tookMs: performance.now() - begunAtMs }) + '\\n');
    while (process.stdout.writableLength > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    log.info('after');
  `;
  const gate = `${temporaryDirectory()}/gate`;
  await once(spawn('/bin/sh', ['-c', 'mkfifo "$0"', gate]), 'exit');
  const child = viaShell
    ? spawn(viaShell[0], [viaShell[1], viaShell[2], process.execPath, program, gate])
    : spawn(process.execPath, ['--input-type=module', '-e', program]);
  const [told] = (await once(child.stderr, 'data')) as [Buffer];
  const { lost, tookMs } = JSON.parse(told.toString()) as { lost: number; tookMs: number };
  expect(lost).toBeGreaterThan(1_000);
  expect(tookMs).toBeLessThan(10_000);
  // Only now somebody reads.
  if (viaShell) spawn('/bin/sh', ['-c', 'echo go > "$0"', gate]);
  const lines = (await text(child.stdout))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { level: number; name: string; msg: string; lost?: number });
  const notes = lines.filter((line) => line.lost !== undefined);
  expect(lines.length - notes.length).toBe(50_000 - lost + 1);
  expect(notes.reduce((sum, note) => sum + (note.lost as number), 0)).toBe(lost);
  expect(notes[0]).toMatchObject({ level: 40, name: 'noisy', msg: expect.stringContaining('were lost') });
  expect(lines.at(-1)).toMatchObject({ msg: 'after' });
});
