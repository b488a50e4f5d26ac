import { expect, test } from 'vitest';
import { connectionsMax, connectionsWithin, openFilesMax } from '../../src/http/connection-limit.ts';

test.each([
  [Number.POSITIVE_INFINITY, connectionsMax],
  [1_048_576, connectionsMax],
  [connectionsMax + 100, connectionsMax],
  [connectionsMax + 99, connectionsMax - 1],
  [1_024, 924],
  [120, 30],
])(
  'with %d open files at most a process takes %d connections, and keeps descriptors for itself',
  (files, connections) => {
    expect(connectionsWithin(files)).toBe(connections);
  },
);

test('the limit of this process is known', () => {
  expect(openFilesMax()).toBeGreaterThan(50);
});
