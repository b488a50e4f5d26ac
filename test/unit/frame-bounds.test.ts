/**
 * Every kind of frame, and what bounds it: the largest that the product can make is within what the other end reads. A
 * frame beyond that costs the connection, is made again, and nothing that waits behind it ever arrives. The compiler
 * demands a row for each kind.
 */

import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { valueBytesLargest } from '../../src/config/service-config.ts';
import { pageRows } from '../../src/http/changes/change-stream.ts';
import { contentTypeBytesMax } from '../../src/http/request/body.ts';
import { conditionVersionsMax } from '../../src/kv/condition.ts';
import { fingerprintBytes } from '../../src/kv/idempotency-key.ts';
import { keyBytesMax } from '../../src/kv/key.ts';
import { type ListEntry, listBytesMax, listDelimiterBytesMax, listLimitMax } from '../../src/kv/listing.ts';
import { opIdBytes } from '../../src/kv/op-id.ts';
import { batchBytesMax, batchOperationsMax } from '../../src/kv/operation.ts';
import { recordBytesMax } from '../../src/kv/write-record.ts';
import { systemClock } from '../../src/ports/clock.ts';
import type { ByteStream } from '../../src/ports/sockets.ts';
import type { SourceReply, SourceRequest } from '../../src/rebalance/move.ts';
import { PackedRows } from '../../src/rebalance/packed-rows.ts';
import { packedBytes } from '../../src/rebalance/row.ts';
import { defaultStepLimits } from '../../src/rebalance/step-limits.ts';
import { feedBytesMax } from '../../src/sqlite/ledger-table.ts';
import { type Answer, answerFrameBytes, movedAnswer, packedFeed } from '../../src/wire/answer-frame.ts';
import { routerHelloFrame } from '../../src/wire/frame.ts';
import { moveFrameBytesMax, moveReplyFrame, moveRequestFrame } from '../../src/wire/move-frame.ts';
import {
  type Asked,
  encodeRequest,
  frameBytesMaxOf,
  noResend,
  requestFrameBytes,
} from '../../src/wire/request-frame.ts';
import { ShardServer, turnOperationsMax } from '../../src/wire/shard-server.ts';

const key = Buffer.alloc(keyBytesMax, 'k');
const contentType = 't'.repeat(contentTypeBytesMax);
const value = Buffer.alloc(valueBytesLargest);
const versions = Array.from({ length: conditionVersionsMax }, (_, index) => index);
const guards = {
  condition: { ifMatch: versions, ifNoneMatch: versions },
  idempotencyKey: { opId: Buffer.alloc(opIdBytes), fingerprint: Buffer.alloc(fingerprintBytes) },
};
const at = { slot: 1, key };
const put = { kind: 'put', ...at, contentType, value, expiresAtMs: 1, ...guards } as const;

/** Bounded by: the routes, and `frameRefusalOf` in any case. */
const requests: Record<Asked['kind'], Asked> = {
  get: { kind: 'get', ...at, condition: guards.condition, range: { from: 1, bytesMax: 1, version: 1 } },
  head: { kind: 'head', ...at },
  put,
  touch: { kind: 'touch', ...at, expiresAtMs: 1, ...guards },
  delete: { kind: 'delete', ...at, ...guards },
  increment: { kind: 'increment', ...at, by: 1n, expiresAtMs: 1, ...guards },
  atomic: {
    kind: 'atomic',
    slot: 1,
    operations: Array.from({ length: batchOperationsMax }, (_, index) => ({
      ...put,
      value: index === 0 ? Buffer.alloc(batchBytesMax) : Buffer.alloc(0),
    })),
  },
  list: {
    kind: 'list',
    slot: 0,
    epoch: 1,
    query: {
      prefix: key,
      after: { kind: 'key', bytes: key },
      delimiter: Buffer.alloc(listDelimiterBytesMax),
      limit: listLimitMax,
      values: true,
      reverse: true,
    },
  },
  feed: { kind: 'feed', slot: 0, after: { lsn: 1, carried: 1 }, rowsMax: 1 },
};

const found = { kind: 'value', version: 1, contentType, value, expiresAtMs: 1 } as const;
const entry: ListEntry = { kind: 'key', key, version: 1, contentType, expiresAtMs: 1, valueBytes: 1 };
const failed = { kind: 'failed', code: 'disk-full', detail: 'x'.repeat(500) } as const;
/**
 * A batch of one operation too few, then an atomic batch. Each write may bring one record of an expiry: of its own row,
 * before itself, or of another row, if it adds one.
 */
const commitBytesMax = 2 * (turnOperationsMax - 1 + batchOperationsMax) * recordBytesMax;
const arrival = {
  kind: 'arrived',
  from: 1,
  sourceLsn: 2 ** 53,
  forgottenLsn: 2 ** 53,
  recordsBefore: 1,
  isLast: true,
} as const;

const answers: Record<Answer['kind'], Answer> = {
  value: found,
  part: { ...found, kind: 'part', first: 0, valueBytes: value.length },
  metadata: { kind: 'metadata', version: 1, contentType, valueBytes: 1, expiresAtMs: 1 },
  absent: { kind: 'absent' },
  created: { kind: 'created', version: 1 },
  replaced: { kind: 'replaced', version: 1 },
  deleted: { kind: 'deleted', version: 1 },
  counted: { kind: 'counted', version: 1, number: 1n, expiresAtMs: 1 },
  'precondition-failed': { kind: 'precondition-failed', version: 1 },
  failed,
  moved: movedAnswer,
  // Its values have `batchBytesMax` together; the sentence about a failure is one of ours.
  batch: {
    kind: 'batch',
    outcomes: Array.from({ length: batchOperationsMax }, (_, index) =>
      index === 0
        ? { ...found, value: Buffer.alloc(batchBytesMax) }
        : index % 2 === 0
          ? failed
          : { ...found, value: key },
    ),
  },
  // A first value of any size, or `listBytesMax` together.
  listing: {
    kind: 'listing',
    entries: Array.from({ length: listLimitMax }, (_, index) => ({
      ...entry,
      value: index === 0 ? Buffer.alloc(Math.max(listBytesMax, valueBytesLargest)) : Buffer.alloc(0),
    })),
    next: { kind: 'key', bytes: key },
  },
  // Small rows up to the bound of a page, then the largest commit there can be.
  feed: packedFeed({
    kind: 'feed',
    epoch: 1,
    prunedLsn: 1,
    lsn: 1,
    rows: Array.from({ length: pageRows }, (_, index) => ({
      lsn: index,
      arrival,
      records: Buffer.alloc(index === 0 ? feedBytesMax - 1 : index === 1 ? commitBytesMax : 0),
    })),
  }),
};

const { page, ledger } = defaultStepLimits;
const row = { slot: 1, key, version: 1, contentType, value, expiresAtMs: 1 };
const small = { ...row, value: Buffer.alloc(page.long.bytesMax - packedBytes({ ...row, value: Buffer.alloc(0) }) - 1) };
const part = { results: Buffer.alloc(ledger.bytesMax - 1 + commitBytesMax), upToLsn: 1, isWhole: true };
const cursor = { slot: 1, key };
const nameCursor = { slot: 1, key: Buffer.alloc(16, 1) };
const names = Buffer.alloc(page.long.bytesMax - 1 + recordBytesMax);

const moveRequests: Record<SourceRequest['kind'], SourceRequest> = {
  page: { kind: 'page', move: 1, after: cursor, step: 'long' },
  names: { kind: 'names', move: 1, after: nameCursor, step: 'long' },
  changes: { kind: 'changes', move: 1, ledgerSinceLsn: 1 },
  rest: { kind: 'rest', move: 1, ledgerSinceLsn: 1 },
};
/** Rows up to the bound of a long page, then the largest row there can be; a part of the ledger likewise. */
const moveReplies: Record<SourceReply['kind'], SourceReply> = {
  page: { kind: 'page', rows: PackedRows.of([small, row]), next: cursor },
  names: { kind: 'names', names, next: nameCursor },
  changes: { kind: 'changes', changes: [small, row], names, left: 1, slotsUnsummed: 1, ledger: part },
  rest: {
    kind: 'rest',
    changes: [small, row],
    names,
    ledger: part,
    sum: { keys: 1, bytes: 1, digest: 1 },
    lsn: 1,
    forgottenLsn: 1,
  },
  refusal: { kind: 'refusal', code: 'disk-full', reason: failed.detail },
};

describe('the largest frame fits', () => {
  test.each(Object.entries(requests))('of a request %s', (_kind, request) => {
    expect(requestFrameBytes(request)).toBeLessThanOrEqual(frameBytesMaxOf(valueBytesLargest));
  });
  test.each(Object.entries(answers))('of an answer %s', (_kind, answer) => {
    expect(answerFrameBytes(answer)).toBeLessThanOrEqual(frameBytesMaxOf(valueBytesLargest));
  });
  test.each(Object.entries(moveRequests))('of a question %s', (_kind, question) => {
    expect(moveRequestFrame(question).length).toBeLessThanOrEqual(4_096);
  });
  test.each(Object.entries(moveReplies))('of a reply %s', (_kind, reply) => {
    expect(moveReplyFrame(reply).length).toBeLessThanOrEqual(moveFrameBytesMax);
  });
  test('of an atomic batch, however small the values are that may be put alone', () => {
    expect(requestFrameBytes(requests.atomic)).toBeLessThanOrEqual(frameBytesMaxOf(1));
  });
});

test('what arrives in one turn becomes batches of so many operations, in order', async () => {
  const stream = Object.assign(new EventEmitter(), {
    write: () => true,
    destroyed: false,
    writableLength: 0,
  }) as unknown as ByteStream & EventEmitter;
  const batches: number[][] = [];
  const done = new Promise<void>((resolve) => {
    const server = new ShardServer({
      clock: systemClock,
      sockets: {
        listen: async (_path, accept) => {
          accept(stream);
          return { close: (closed: () => void) => closed() };
        },
        connect: () => stream,
      },
      shard: 1,
      frameBytesMax: frameBytesMaxOf(1),
      lsn: () => 1,
      execute: (asked) => {
        batches.push(asked.map(({ requestId }) => requestId));
        return asked.map(() => movedAnswer);
      },
      onBatch: () => batches.flat().length === 10_001 && resolve(),
      onWireError: (error) => expect(error).toBeUndefined(),
    });
    void server.listen('');
  });
  const get = { kind: 'get', slot: 1, key: Buffer.from('k') } as const;
  const atomic = { kind: 'atomic', slot: 1, operations: Array.from({ length: 1_000 }, () => get) } as const;
  const frames = Array.from({ length: 10_001 }, (_, requestId) => {
    const operation = requestId === 4_000 ? atomic : get;
    const frame = Buffer.alloc(requestFrameBytes(operation));
    encodeRequest(frame, 0, { requestId, epoch: 1, operation, resend: noResend });
    return frame;
  });
  stream.emit('data', Buffer.concat([routerHelloFrame(Buffer.alloc(8)), ...frames]));
  await done;
  expect(batches.map(({ length }) => length)).toEqual([4_001, 4_096, 1_904]);
  expect(batches.flat()).toEqual(frames.map((_, index) => index));
});
