/** What `shardctl status` says of a service that is not as it should be: which process, and what clients feel. */

import { expect, test } from 'vitest';
import type { ProcessStatus } from '../../src/admin/contract.ts';
import { openChangeText, troublesOf } from '../../src/cli/troubles.ts';

const idle = {
  pid: 1,
  restarts: 0,
  uptimeMs: 1,
  cpuPercent: null,
  memoryBytes: null,
  eventLoopDelayMs: null,
  eventLoopUtilization: null,
  connections: null,
  fileBytes: null,
  walBytes: null,
  reads: null,
  writes: null,
  failuresPerS: null,
  lastDeath: null,
  keys: null,
  bytes: null,
  operationsPerS: null,
  p99Ms: null,
  refusal: null,
} as const;

const processOf = (id: string, state: string, slots: number | null = null): ProcessStatus => ({
  ...idle,
  id,
  role: id.split('-')[0] as ProcessStatus['role'],
  state,
  slots,
});

test('a process that has refused to serve says why itself', () => {
  const processes = [{ ...processOf('shard-1', 'failed', 8_192), refusal: 'shard-1.sqlite is missing.' }];
  expect(troublesOf({ processes })).toEqual(['shard-1.sqlite is missing.']);
});

test('each process that does not serve has its sentence, and one without slots that comes or goes has none', () => {
  const processes = [
    processOf('primary', 'ready'),
    processOf('router-1', 'ready'),
    processOf('router-2', 'backoff'),
    processOf('clone-1', 'failed'),
    processOf('shard-1', 'silent', 8_192),
    processOf('shard-2', 'failed', 4_096),
    processOf('shard-3', 'retrying', 4_096),
    processOf('shard-4', 'starting', 0),
  ];
  expect(troublesOf({ processes })).toEqual([
    'router-2 is not ready: its connections wait or end',
    'clone-1 has failed: fix the cause, then shardctl restart clone-1',
    'shard-1 does not answer: requests for its 8,192 slots (50.0 %) wait',
    'shard-2 has failed: keys of its 4,096 slots (25.0 %) get 503; fix the cause, then shardctl restart shard-2',
    'shard-3 has failed and is being tried again: keys of its 4,096 slots (25.0 %) get 503; fix the cause, then shardctl restart shard-3',
  ]);
});

test('a paused change is told also when nothing of it runs, as after a restart', () => {
  const open = [{ id: 4, kind: 'add-shard', state: 'running', isPaused: true, reason: '' }] as const;
  expect(openChangeText({ running: undefined, open })).toBe(
    'change 4 (add-shard) is paused: shardctl resume continues it',
  );
  expect(openChangeText({ running: undefined, open: [] })).toBeUndefined();
});
