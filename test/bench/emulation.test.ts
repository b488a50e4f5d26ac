/** What is emulated is really so: a process with an eighth of a core gets an eighth, and a slow disk is slow. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { cpuUsOf } from '../../bench/cpu-time.ts';
import { canLimit, createControlGroup } from '../../bench/emulation/control-group.ts';
import { CpuShares, emulatedCore } from '../../bench/emulation/cpu-shares.ts';
import { SlowDisk } from '../../bench/emulation/slow-disk.ts';
import { compileNative } from '../../bench/native.ts';

const directory = mkdtempSync(join(tmpdir(), 'shardlite-emulation-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function busyProcess(): Promise<ChildProcess & { readonly pid: number }> {
  const child = spawn(process.execPath, ['-e', 'console.log(1); for (;;);'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return Object.assign(child, { pid: child.pid as number });
}

test.skipIf(!canLimit('cpu'))('a process with an eighth of a core gets no more', async () => {
  const group = createControlGroup('cpu', `shardlite-test-${process.pid}`);
  const busy = await busyProcess();
  onTestFinished(async () => {
    busy.kill('SIGKILL');
    await once(busy, 'exit');
    group?.remove();
  });
  group?.limitCpu(1 / 8);
  group?.add(busy.pid);
  const [cpuBefore, beganAtMs] = [cpuUsOf([busy.pid]), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, 800));
  const share = (cpuUsOf([busy.pid]) - cpuBefore) / 1_000 / (performance.now() - beganAtMs);
  expect(share).toBeGreaterThan(0.02);
  expect(share).toBeLessThan(0.25);
});

test.skipIf(!canLimit('cpu'))('more processes than emulated cores get no more than those together', async () => {
  const emulatedCores = 1;
  const shares = new CpuShares(emulatedCores);
  // So many that they get more than those also where other programs are busy, unless something keeps them from it.
  const busy = await Promise.all(Array.from({ length: 6 }, busyProcess));
  onTestFinished(async () => {
    for (const one of busy) one.kill('SIGKILL');
    await Promise.all(busy.map((one) => once(one, 'exit')));
    shares.remove();
  });
  shares.give(busy.map(({ pid }) => ({ role: 'shard', pid })));
  const used = () => cpuUsOf(busy.map(({ pid }) => pid));
  const [cpuBefore, beganAtMs] = [used(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, 800));
  const cores = (used() - cpuBefore) / 1_000 / (performance.now() - beganAtMs) / emulatedCore;
  expect(cores).toBeGreaterThan(0.1);
  // Each alone has one: without the group around them it were six.
  expect(cores).toBeLessThan(1.5);
});

test('a sync takes as long as is said while the process runs, and is counted', () => {
  const { slowDiskLibrary } = compileNative(directory);
  const disk = new SlowDisk(join(directory, 'control'), slowDiskLibrary);
  const script = `
    const fs = require('node:fs');
    const file = fs.openSync(process.argv[1], 'w');
    const began = performance.now();
    for (let i = 0; i < 10; i++) { fs.writeSync(file, 'x'); i % 2 ? fs.fsyncSync(file) : fs.fdatasyncSync(file); }
    console.log(performance.now() - began);
  `;
  const tenSyncsMs = () => {
    const args = ['-e', script, join(directory, 'file')];
    return Number(execFileSync(process.execPath, args, { env: { ...process.env, ...disk.environment } }));
  };
  const asItIsMs = tenSyncsMs();
  expect(disk.syncs).toBe(10);
  disk.leastMs = 20;
  const slowMs = tenSyncsMs();
  expect(disk.syncs).toBe(20);
  expect(slowMs).toBeGreaterThan(200);
  expect(asItIsMs).toBeLessThan(slowMs);
  disk.close();
});
