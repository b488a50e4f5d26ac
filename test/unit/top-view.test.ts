/** `shardctl top` on paper: whatever the service says, it fits the terminal. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ProcessStatus, ServiceStatus } from '../../src/admin/contract.ts';
import { shortCountText } from '../../src/cli/quantity.ts';
import { sparkline, type TopFrame, topLines } from '../../src/cli/top-view.ts';

const anyCount = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2 ** 40 }));
const anyRate = fc.double({ min: 0, max: 1e6, noNaN: true });
const anyLatency = fc.option(fc.double({ min: 0, max: 60_000, noNaN: true }));
const anyFigures = fc.option(fc.record({ perS: anyRate, p50Ms: anyLatency, p99Ms: anyLatency }));

const anyProcess = fc.record({
  id: fc
    .tuple(fc.constantFrom('router', 'shard', 'clone'), fc.integer({ min: 1, max: 256 }))
    .map(([role, id]) => `${role}-${id}`),
  role: fc.constantFrom('router', 'shard', 'clone'),
  state: fc.constantFrom('starting', 'ready', 'backoff', 'failed', 'draining', 'stopped'),
  cpuPercent: fc.option(fc.double({ min: 0, max: 999, noNaN: true })),
  eventLoopDelayMs: anyLatency,
  memoryBytes: fc.option(anyCount),
  keys: fc.option(anyCount),
  connections: fc.option(fc.nat(10_000)),
  reads: anyFigures,
  writes: anyFigures,
  failuresPerS: fc.option(anyRate),
}) as fc.Arbitrary<Partial<ProcessStatus>>;

const anyStatus = fc.record({
  state: fc.constantFrom('starting', 'ready', 'draining'),
  version: fc.constant('12.34.56'),
  url: fc.constant('http://127.0.0.1:65535'),
  uptimeMs: anyCount,
  diskFreeBytes: anyCount,
  moves: fc.constant({ open: [] }),
  stored: fc.option(fc.record({ keys: anyCount, bytes: anyCount })),
  processes: fc.array(anyProcess, { minLength: 1, maxLength: 40 }),
}) as unknown as fc.Arbitrary<ServiceStatus>;

function frameOf(status: ServiceStatus, more: Partial<TopFrame> = {}): TopFrame {
  return { data: './shards', status, history: [status], awaySinceMs: undefined, nowMs: 0, ...more };
}

test('every line fits 80 columns uncut, and all of them the rows that there are', () => {
  fc.assert(
    fc.property(anyStatus, fc.integer({ min: 1, max: 60 }), (status, rows) => {
      const history = Array.from({ length: 60 }, () => status);
      const lines = topLines(frameOf(status, { history }), { columns: 80, rows });
      expect(lines.length).toBeLessThanOrEqual(rows);
      // What was cut off would lack its last column.
      for (const line of lines.slice(6, status.processes.length + 7)) expect(line).toMatch(/(p99|–|ms|more)$/);
      expect(lines[0]).toHaveLength(80);
      expect(lines[0]?.endsWith('q ends')).toBe(true);
    }),
  );
});

test('processes that find no room are counted', () => {
  const [status] = fc.sample(anyStatus, { numRuns: 1, seed: 7 }) as [ServiceStatus];
  const [process] = status.processes as [ProcessStatus];
  const many = { ...status, processes: Array.from({ length: 30 }, () => process) };
  const lines = topLines(frameOf(many), { columns: 80, rows: 24 });
  expect(lines).toHaveLength(24);
  // Six lines of head, one of titles, sixteen processes.
  expect(lines.at(-1)).toBe('… and 14 more');
});

test('a service that is away says for how long, and what was known last stays', () => {
  const [status] = fc.sample(anyStatus, { numRuns: 1, seed: 7 }) as [ServiceStatus];
  const size = { columns: 80, rows: 50 };
  const away = topLines(frameOf(status, { awaySinceMs: 1_000, nowMs: 13_500 }), size);
  expect(away[0]).toBe(`${'No service on ./shards for 12s: waiting for it'.padEnd(74)}q ends`);
  expect(away.slice(1)).toEqual(topLines(frameOf(status), size).slice(1));
});

test('a line of bars is as high as its highest value', () => {
  expect(sparkline([])).toBe('');
  expect(sparkline([0, 0])).toBe('');
  expect(sparkline([0, 1, 2, 4, 7])).toBe('▁▂▃▅█');
});

test.each([
  [0, '0'],
  [9_999, '9,999'],
  [10_000, '10.0k'],
  [999_499, '999k'],
  [999_600, '1.00M'],
  [1_234_567, '1.23M'],
  [5e12, '5.00T'],
])('%d in short is %s', (count, text) => {
  expect(shortCountText(count)).toBe(text);
});
