/**
 * The control messages: parent and child accept exactly what they agreed on. A message that lacks a field means
 * two builds in one service, and must be refused before anything acts on it.
 */

import { describe, expect, test } from 'vitest';
import { noRules } from '../../src/access/gate.ts';
import {
  type MessageToChild,
  type MessageToPrimary,
  parseMessageToChild,
  parseMessageToPrimary,
} from '../../src/supervision/messages.ts';

const topology: Extract<MessageToChild, { type: 'topology' }> = {
  type: 'topology',
  sequence: 12,
  slots: 16_384,
  epoch: 3,
  ranges: [
    [0, 8_191, 1],
    [8_192, 16_383, 2],
  ],
  shards: [
    { id: 1, state: 'ready', socketPath: '/tmp/s/1.sock', fileFits: true },
    { id: 2, state: 'backoff', socketPath: null, fileFits: false },
  ],
  lastShard: 4,
};

const toChild: readonly MessageToChild[] = [
  topology,
  { type: 'drain' },
  { type: 'retire' },
  { type: 'primary-heartbeat' },
  { type: 'reopen-log' },
  { type: 'access', rules: noRules, certificate: { cert: 'PEM', key: 'PEM' } },
  {
    type: 'move',
    command: 'prepare',
    move: { id: 1, from: 1, to: 2, slots: [3, 4] },
    epoch: 3,
    sourceSocket: null,
    rowsPerS: 0,
  },
  {
    type: 'start-shard',
    shard: 1,
    log: { level: 'info', files: { directory: '/var/log/shardlite', fileBytesMax: 0, filesMax: 5 } },
    service: 'f00d',
    file: 'shards/shard-1.sqlite',
    socketPath: '/tmp/s/1.sock',
    moveSocketPath: '/tmp/s/1.move',
    valueBytesMax: 1_048_576,
    acknowledgedLsn: null,
    reads: 'direct',
    time: { toldMs: 1, uptimeMs: 0.5, boot: 'b007' },
    topology,
  },
  {
    type: 'start-router',
    router: 2,
    log: { level: 'info', files: null },
    host: '127.0.0.1',
    port: 0,
    listenFd: 4,
    valueBytesMax: 1_048_576,
    bodyMemoryBytesMax: 268_435_456,
    allowedHosts: ['db.example'],
    allowedOrigins: ['https://app.example'],
    accessRules: {
      isLocked: true,
      tokens: [
        {
          name: 'app',
          hash: 'f00d',
          read: true,
          write: false,
          prefixes: ['users/'],
          createdAtMs: 1,
          expiresAtMs: null,
        },
      ],
      jwt: { keys: '{}', audiences: ['shardlite'] },
    },
    rateLimit: '10/s',
    certificate: { cert: 'PEM', key: 'PEM' },
    metering: 'on',
    accessLog: { kind: 'keys', slowMs: 250 },
    directReads: { service: 'f00d', directory: 'shards' },
    topology,
  },
  {
    type: 'start-clone',
    clone: 2,
    log: { level: 'info', files: null },
    host: '127.0.0.1',
    port: 0,
    listenFd: null,
    valueBytesMax: 1_048_576,
    bodyMemoryBytesMax: 268_435_456,
    allowedHosts: [],
    allowedOrigins: [],
    accessRules: noRules,
    rateLimit: null,
    certificate: null,
    metering: 'off',
    accessLog: { kind: 'off', slowMs: null },
    store: { kind: 'redis', url: 'redis://:secret@localhost:6379' },
  },
  {
    type: 'start-clone',
    clone: 1,
    log: { level: 'info', files: null },
    host: '127.0.0.1',
    port: 0,
    listenFd: null,
    valueBytesMax: 1_048_576,
    bodyMemoryBytesMax: 268_435_456,
    allowedHosts: [],
    allowedOrigins: [],
    accessRules: noRules,
    rateLimit: null,
    certificate: null,
    metering: 'off',
    accessLog: { kind: 'off', slowMs: null },
    store: {
      kind: 'sqlite',
      service: 'f00d',
      shard: 1,
      file: 'shards/shard-1.sqlite',
      acknowledgedLsn: 17,
      access: 'shared',
    },
  },
];

const toPrimary: readonly MessageToPrimary[] = [
  { type: 'born' },
  { type: 'store-report', acknowledgement: 'An acknowledged write is on disk.' },
  { type: 'ready' },
  { type: 'heartbeat', sequence: 12 },
  { type: 'refused', reason: 'shard-1.sqlite is missing.' },
  { type: 'failures', count: 3 },
  {
    type: 'health',
    cpuPercent: 12.5,
    memoryBytes: 1,
    eventLoopDelayMs: 1.5,
    eventLoopUtilization: 0.5,
    operationsPerS: 0.5,
    p99Ms: 1.25,
    intervalP99Ms: 2.5,
    reads: { perS: 0.25, p50Ms: 0.5, p99Ms: 1.25 },
    writes: { perS: 0.25, p50Ms: 0.75, p99Ms: 1.25 },
    failuresPerS: 0.5,
    connections: 64,
    keys: 7,
    bytes: 8,
    lsn: 9,
  },
  {
    type: 'health',
    cpuPercent: 0,
    memoryBytes: 1,
    eventLoopDelayMs: 0,
    eventLoopUtilization: 0,
    operationsPerS: 0,
    p99Ms: null,
    intervalP99Ms: null,
    reads: { perS: 0, p50Ms: null, p99Ms: null },
    writes: { perS: 0, p50Ms: null, p99Ms: null },
    failuresPerS: 0,
    connections: null,
    keys: null,
    bytes: null,
    lsn: null,
  },
  {
    type: 'measures',
    id: 4,
    measures: [
      { name: 'shardlite_http_requests_total', labels: { method: 'GET', status: '2xx' }, value: 7 },
      { name: 'shardlite_commit_writes', labels: {}, counts: [0, 1.5], sum: 3.5 },
    ],
  },
  { type: 'move-answer', move: 1, side: 'target', answer: 'verified' },
  { type: 'move-refusal', move: 1, side: 'source', code: 'disk-full', reason: 'the disk is full' },
  { type: 'move-progress', move: 1, rows: 512, bytes: 70_000 },
];

describe.each<[to: string, parse: (message: unknown) => unknown, messages: readonly { readonly type: string }[]]>([
  ['a child', parseMessageToChild, toChild],
  ['the primary', parseMessageToPrimary, toPrimary],
])('a message to %s', (_to, parse, messages) => {
  test.each(messages)('of type $type arrives as it was sent', (message) => {
    expect(parse(JSON.parse(JSON.stringify(message)))).toEqual(message);
  });

  test.each(messages)('of type $type is refused when any field of it has a wrong type', (message) => {
    for (const path of fieldsWithin(message)) {
      // No field of such a kind is right anywhere.
      expect(() => parse(changed(message, path, { wrong: true })), path.join('.')).toThrow(TypeError);
    }
  });

  test.each(messages)('of type $type is refused when any field of it is missing', (message) => {
    for (const path of fieldsWithin(message)) {
      // A list may have one item less, and so may labels.
      if (/^\d+$/.test(path.at(-1) as string) || path.at(-2) === 'labels') continue;
      expect(() => parse(changed(message, path, undefined)), path.join('.')).toThrow(TypeError);
    }
  });

  test.each(messages)('of type $type is refused under any other type', (message) => {
    expect(() => parse({ ...message, type: `${message.type}-2` })).toThrow(TypeError);
  });

  test.each([undefined, null, 'drain', 'born', 7, [], {}, [{ type: 'drain' }]])('is never %j', (message) => {
    expect(() => parse(message)).toThrow(/has an unexpected shape/);
  });
});

test('children and the primary do not take each other’s messages', () => {
  for (const message of toPrimary) expect(() => parseMessageToChild(message)).toThrow(/A message to a child/);
  for (const message of toChild) expect(() => parseMessageToPrimary(message)).toThrow(/A message to the primary/);
});

test('a health report with a number that JSON does not have is refused', () => {
  const report = {
    type: 'health',
    memoryBytes: 1,
    eventLoopDelayMs: 0,
    eventLoopUtilization: 0,
    operationsPerS: 1,
    p99Ms: null,
    intervalP99Ms: null,
    reads: { perS: 0, p50Ms: null, p99Ms: null },
    writes: { perS: 0, p50Ms: null, p99Ms: null },
    failuresPerS: 0,
    connections: null,
    keys: null,
    bytes: null,
    lsn: null,
  };
  expect(() => parseMessageToPrimary({ ...report, cpuPercent: Number.NaN })).toThrow(TypeError);
  expect(() => parseMessageToPrimary(JSON.parse(JSON.stringify({ ...report, cpuPercent: Number.NaN })))).toThrow();
});

test.each([
  ['two numbers', [0, 16_383]],
  ['four numbers', [0, 16_383, 1, 1]],
  ['half a slot', [0, 16_383.5, 1]],
])('a slot range of %s is refused', (_what, range) => {
  expect(() => parseMessageToChild({ ...topology, ranges: [range] })).toThrow(TypeError);
});

/** Paths of all fields and list items, at any depth. */
function fieldsWithin(value: unknown): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    [name],
    ...fieldsWithin(inner).map((path) => [name, ...path]),
  ]);
}

/** A copy with another value at this path; undefined leaves the field out, as JSON does. */
function changed(message: unknown, path: readonly string[], value: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(message)) as Record<string, unknown>;
  let holder = copy;
  for (const name of path.slice(0, -1)) holder = holder[name] as Record<string, unknown>;
  holder[path.at(-1) as string] = value;
  return JSON.parse(JSON.stringify(copy));
}
