/** Signs of life, and what is made of their absence: told after a second, ended after fifteen. */

import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../src/ports/clock.ts';
import { heartbeatIntervalMs, PrimaryWatch, Silence, tellHealth } from '../../src/supervision/heartbeat.ts';
import type { Health } from '../../src/supervision/messages.ts';

const health: Health = {
  type: 'health',
  cpuPercent: 0,
  eventLoopDelayMs: 0,
  eventLoopUtilization: 0,
  reads: { perS: 0, p50Ms: null, p99Ms: null },
  writes: { perS: 0, p50Ms: null, p99Ms: null },
  failuresPerS: 0,
  connections: null,
  memoryBytes: 1,
  operationsPerS: 0,
  p99Ms: null,
  intervalP99Ms: null,
  keys: null,
  bytes: null,
  lsn: null,
};

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
});

test('whoever says nothing is silent after a second and lost after fifteen, and one sign makes it heard again', () => {
  const silence = new Silence();
  const after = (ms: number) => {
    silence.heard();
    for (let passed = heartbeatIntervalMs; passed < ms; passed += heartbeatIntervalMs) silence.tick();
    return silence.tick();
  };
  expect([1_000, 1_250, 15_000, 15_250, 250].map(after)).toEqual(['heard', 'silent', 'silent', 'lost', 'heard']);
});

test('a child says at once how it is, and then four times a second that it lives and by which topology, the last time how it is', () => {
  const told: unknown[] = [];
  let sequence = 0;
  tellHealth(
    systemClock,
    { health: () => health, sequence: () => ++sequence },
    (message) => void told.push(message.type === 'heartbeat' ? message.sequence : message.type),
  );
  vi.advanceTimersByTime(2_000);
  expect(told).toEqual(['health', 1, 2, 3, 'health', 4, 5, 6, 'health']);
});

test('a child says once that the primary is silent, and once that it is heard again', () => {
  const said: boolean[] = [];
  const watch = new PrimaryWatch((isSilent) => said.push(isSilent));
  for (let tick = 0; tick < 10; tick++) watch.tick();
  expect([watch.isSilent, said]).toEqual([true, [true]]);
  watch.heard();
  watch.heard();
  expect([watch.isSilent, said]).toEqual([false, [true, false]]);
});
