/** A process that takes too much memory for too long is reloaded: one at a time, not while that cannot be, and said so. */

import { expect, test } from 'vitest';
import { MemoryKeeper } from '../../src/primary/memory-keeper.ts';
import type { Health } from '../../src/supervision/messages.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const MiB = 2 ** 20;

test('whoever is above the limit for 30 s is reloaded once it may be, by the limit that holds then', () => {
  const clock = new VirtualClock();
  const said: string[] = [];
  const reloaded: string[] = [];
  const silent = () => {};
  const children = ['router-1', 'shard-1'].map((name, index) => ({
    pid: index + 1,
    spec: { name },
    health: { memoryBytes: 300 * MiB } as Health,
  }));
  let bytesMax: number | undefined;
  let mayReload = false;
  const keeper = new MemoryKeeper({
    clock,
    log: { debug: silent, info: silent, error: silent, warn: (_facts, text) => said.push(text) },
    children: () => children,
    bytesMax: () => bytesMax,
    mayReload: () => mayReload,
    reload: (name) => {
      reloaded.push(name);
      mayReload = false;
    },
  });
  clock.run(120_000);
  bytesMax = 256 * MiB;
  clock.run(120_000);
  expect([reloaded, said]).toEqual([[], []]);
  mayReload = true;
  clock.run(10_000);
  expect(reloaded).toEqual(['router-1']);
  expect(said).toEqual(['router-1 takes 300 MiB of memory, more than 256 MiB: it is reloaded']);

  children[0] = { ...(children[0] as (typeof children)[number]), pid: 3 };
  mayReload = true;
  clock.run(1_000);
  expect(reloaded).toEqual(['router-1', 'shard-1']);
  bytesMax = 512 * MiB;
  mayReload = true;
  clock.run(120_000);
  bytesMax = 256 * MiB;
  keeper.stop();
  clock.run(120_000);
  expect(reloaded).toHaveLength(2);
});
