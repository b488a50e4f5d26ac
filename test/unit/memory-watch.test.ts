/** A process above its limit is told after half a minute, not for a peak, and one at a time. */

import { expect, test } from 'vitest';
import { MemoryWatch } from '../../src/primary/memory-watch.ts';
import type { Health } from '../../src/supervision/messages.ts';

const taking = (pid: number, memoryBytes: number) => ({ pid, health: { memoryBytes } as Health });

function looks(times: number, watch: MemoryWatch<ReturnType<typeof taking>>, ...children: ReturnType<typeof taking>[]) {
  let found: ReturnType<typeof taking> | undefined;
  for (let look = 0; look < times; look++) found = watch.look(children, 100);
  return found?.pid;
}

test('only who is above the limit for 30 s is found, the first of them', () => {
  const watch = new MemoryWatch<ReturnType<typeof taking>>();
  expect(looks(30, watch, taking(1, 100), taking(2, 101), taking(3, 102))).toBeUndefined();
  expect(looks(1, watch, taking(1, 100), taking(2, 101), taking(3, 102))).toBe(2);
});

test('a moment below it, or another process in its place, begins anew', () => {
  const watch = new MemoryWatch<ReturnType<typeof taking>>();
  looks(30, watch, taking(1, 101), taking(2, 101));
  expect(looks(1, watch, taking(1, 100), taking(4, 101))).toBeUndefined();
  expect(looks(29, watch, taking(1, 101), taking(4, 101))).toBeUndefined();
});

test('without a limit nobody is found', () => {
  const watch = new MemoryWatch<ReturnType<typeof taking>>();
  for (let look = 0; look < 60; look++) expect(watch.look([taking(1, 1e12)], undefined)).toBeUndefined();
});
