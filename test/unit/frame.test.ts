/**
 * The bytes between router and shard: whatever is sent arrives as it was, however the stream is cut, and bytes
 * that are no frame are refused with the one error that drops the connection, never with one that ends a process.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ErrorCode, errorTable } from '../../src/kv/errors.ts';
import type { FeedPage } from '../../src/kv/feed.ts';
import { fingerprintBytes } from '../../src/kv/idempotency-key.ts';
import { keyBytesMax } from '../../src/kv/key.ts';
import { opIdBytes } from '../../src/kv/op-id.ts';
import { type KeyOperation, lifetimeMsMax } from '../../src/kv/operation.ts';
import { rangeBytesMax } from '../../src/kv/value-part.ts';
import { slotCount } from '../../src/partition/slot.ts';
import {
  type Answer,
  answerFrameBytes,
  answerOf,
  answerRequestId,
  answerSqliteMs,
  encodeAnswer,
  feedPageOf,
  packedFeed,
} from '../../src/wire/answer-frame.ts';
import {
  routerHelloFrame,
  routerHelloOf,
  shardHelloFrame,
  shardHelloOf,
  WireError,
  wireVersion,
} from '../../src/wire/frame.ts';
import { FrameDecoder } from '../../src/wire/frame-decoder.ts';
import {
  encodeRequest,
  frameBytesMaxOf,
  noResend,
  type Request,
  requestFrameBytes,
  requestOf,
} from '../../src/wire/request-frame.ts';

const buffer = (limits: fc.IntArrayConstraints) => fc.uint8Array(limits).map((bytes) => Buffer.from(bytes));
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const place = fc.record({ lsn: fc.maxSafeNat(), carried: fc.nat(0xffffffff) });
const uint53 = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER));
const contentType = buffer({ maxLength: 255, size: 'medium' }).map((bytes) => bytes.toString('latin1'));
const value = buffer({ maxLength: 300, size: 'medium' });
const address = {
  slot: fc.integer({ min: 0, max: slotCount - 1 }),
  key: fc.oneof(buffer({ minLength: 1, maxLength: 40 }), buffer({ minLength: keyBytesMax, maxLength: keyBytesMax })),
};
const resend = fc.record({
  opId: buffer({ minLength: opIdBytes, maxLength: opIdBytes }),
  resent: fc.boolean(),
  seenLsn: uint53,
});

const opId = buffer({ minLength: opIdBytes, maxLength: opIdBytes });
const versions = fc.oneof(fc.constant('*' as const), fc.array(uint53, { maxLength: 32 }));
const guards = {
  condition: fc.record({ ifMatch: versions, ifNoneMatch: versions }, { requiredKeys: [] }),
  idempotencyKey: fc.record({
    opId,
    fingerprint: buffer({ minLength: fingerprintBytes, maxLength: fingerprintBytes }),
  }),
};
const expiresAtMs = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const expiresAtMsOrNever = fc.oneof(fc.constant(0), expiresAtMs);
const ttlMs = fc.integer({ min: 1, max: lifetimeMsMax });
const addressKeys = ['kind', 'slot', 'key'] as const;

const int31 = fc.integer({ min: 0, max: rangeBytesMax });
const range = fc.record(
  {
    from: fc.integer({ min: -rangeBytesMax, max: rangeBytesMax }),
    bytesMax: int31,
    version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  },
  { requiredKeys: ['from', 'bytesMax'] },
);
const anyRead = fc.oneof(
  fc.record({ kind: fc.constant('head'), ...address }),
  fc.record(
    { kind: fc.constant('get'), ...address, condition: guards.condition, range },
    { requiredKeys: [...addressKeys] },
  ),
) as fc.Arbitrary<KeyOperation>;
const anyWrite = fc.oneof(
  fc.record(
    {
      kind: fc.constant('put'),
      ...address,
      contentType,
      value,
      expiresAtMs: expiresAtMsOrNever,
      ttlMs,
      ...guards,
    },
    { requiredKeys: [...addressKeys, 'contentType', 'value'] },
  ),
  fc.record(
    { kind: fc.constant('touch'), ...address, expiresAtMs: expiresAtMsOrNever, ttlMs, ...guards },
    { requiredKeys: [...addressKeys] },
  ),
  fc.record({ kind: fc.constant('delete'), ...address, ...guards }, { requiredKeys: [...addressKeys] }),
  fc.record(
    {
      kind: fc.constant('increment'),
      ...address,
      by: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      expiresAtMs: expiresAtMsOrNever,
      ttlMs,
      ...guards,
    },
    { requiredKeys: [...addressKeys, 'by'] },
  ),
) as fc.Arbitrary<KeyOperation>;

/** A client's name stands in the place of the op id. */
function named<R extends { operation: Request['operation']; resend: Request['resend'] }>(request: R): R {
  const name = 'idempotencyKey' in request.operation ? request.operation.idempotencyKey : undefined;
  return name === undefined ? request : { ...request, resend: { ...request.resend, opId: name.opId } };
}

const position = fc.record({ kind: fc.constantFrom('key', 'prefix'), bytes: buffer({ maxLength: 30 }) });
const anyQuery = fc.oneof(
  fc.record({
    kind: fc.constant('list'),
    slot: fc.constant(0),
    epoch: uint32,
    query: fc.record({
      prefix: buffer({ maxLength: 30 }),
      after: fc.option(position, { nil: undefined }),
      delimiter: fc.option(buffer({ maxLength: 5 }), { nil: undefined }),
      limit: fc.integer({ min: 1, max: 1_000 }),
      values: fc.boolean(),
      reverse: fc.boolean(),
    }),
  }),
  fc.record({ kind: fc.constant('feed'), slot: fc.constant(0), after: place, rowsMax: fc.nat(65_535) }),
) as fc.Arbitrary<Request['operation']>;

const anyRequest: fc.Arbitrary<Request> = fc.oneof(
  fc.record({ requestId: uint32, epoch: uint32, operation: anyRead, resend: fc.constant(noResend) }),
  fc.record({ requestId: uint32, epoch: uint32, operation: anyWrite, resend }).map(named),
  fc.record({
    requestId: uint32,
    epoch: uint32,
    operation: fc
      .tuple(address.slot, fc.array(fc.oneof(anyRead, anyWrite), { maxLength: 4 }))
      .map(([slot, operations]) => ({
        kind: 'atomic' as const,
        slot,
        operations: operations.map((one) => ({ ...one, slot })) as KeyOperation[],
      })),
    resend,
  }),
  fc.record({ requestId: uint32, epoch: uint32, operation: anyQuery, resend: fc.constant(noResend) }).map((request) => {
    // The epoch of a list is that of its question, not of the moment in which it is sent.
    return request.operation.kind === 'list' ? { ...request, epoch: request.operation.epoch } : request;
  }),
);

const described = { version: uint53, contentType, expiresAtMs };
const describedKeys = ['kind', 'version', 'contentType'] as const;
const anyKeyOutcome = fc.oneof(
  fc.record({ kind: fc.constant('value'), ...described, value }, { requiredKeys: [...describedKeys, 'value'] }),
  fc.record(
    { kind: fc.constant('metadata'), ...described, valueBytes: uint32 },
    { requiredKeys: [...describedKeys, 'valueBytes'] },
  ),
  fc.record(
    { kind: fc.constant('part'), ...described, first: uint32, value, valueBytes: uint32 },
    { requiredKeys: [...describedKeys, 'first', 'value', 'valueBytes'] },
  ),
  fc.record({ kind: fc.constant('absent') }),
  fc.record({ kind: fc.constantFrom('created', 'replaced', 'deleted', 'precondition-failed'), version: uint53 }),
  fc.record({ kind: fc.constantFrom('created', 'replaced'), version: uint53, expiresAtMs }),
  fc.record(
    {
      kind: fc.constant('counted'),
      version: uint53,
      number: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      expiresAtMs,
    },
    { requiredKeys: ['kind', 'version', 'number'] },
  ),
  fc.record({
    kind: fc.constant('failed'),
    code: fc.constantFrom(...(Object.keys(errorTable) as ErrorCode[])),
    detail: fc.string({ unit: 'binary' }),
  }),
);
const entry = fc.oneof(
  fc.record({ kind: fc.constant('prefix'), key: buffer({ maxLength: 30 }) }),
  fc.record(
    { kind: fc.constant('key'), key: address.key, ...described, valueBytes: uint32 },
    { requiredKeys: [...describedKeys, 'key', 'valueBytes'] },
  ),
  fc
    .record({ kind: fc.constant('key'), key: address.key, version: uint53, contentType, value })
    .map((one) => ({ ...one, valueBytes: one.value.length })),
);
const anyListing = fc.record({
  kind: fc.constant('listing'),
  entries: fc.array(entry, { maxLength: 4 }),
  next: fc.option(position, { nil: undefined }),
});
const anyFeed = fc.record({
  kind: fc.constant('feed'),
  epoch: uint32,
  prunedLsn: uint53,
  lsn: uint53,
  rows: fc.array(
    fc.record({
      lsn: uint53,
      records: buffer({ maxLength: 60 }),
      arrival: fc.constantFrom(
        undefined,
        { kind: 'carried' as const },
        { kind: 'arrived' as const, from: 2, sourceLsn: 7, forgottenLsn: 1, recordsBefore: 3, isLast: false },
      ),
    }),
    { maxLength: 4 },
  ),
}) as fc.Arbitrary<FeedPage>;
const anyOutcome = fc.oneof(
  anyKeyOutcome,
  fc.record({ kind: fc.constant('batch'), outcomes: fc.array(anyKeyOutcome, { maxLength: 4 }) }),
  anyListing,
  anyFeed.map(packedFeed),
) as fc.Arbitrary<Answer>;
const anyAnswer = fc.record({ requestId: uint32, outcome: anyOutcome });

describe('requests and answers', () => {
  test('arrive as they were sent, however the stream is cut: requests', () => {
    fc.assert(
      fc.property(fc.array(anyRequest, { maxLength: 4 }), fc.infiniteStream(fc.nat(200)), (requests, cuts) => {
        const frames = framesThrough(Buffer.concat(requests.map(requestFrame)), cuts);
        expect(frames.map(requestOf)).toEqual(requests);
      }),
    );
  });

  test('arrive as they were sent, however the stream is cut: answers', () => {
    fc.assert(
      fc.property(fc.array(anyAnswer, { maxLength: 4 }), fc.infiniteStream(fc.nat(200)), (answers, cuts) => {
        const frames = framesThrough(Buffer.concat(answers.map(answerFrame)), cuts);
        const arrived = frames.map((frame) => ({ requestId: answerRequestId(frame), outcome: answerOf(frame) }));
        expect(arrived).toEqual(answers);
      }),
    );
  });

  test('touch no byte outside the room reserved for them', () => {
    fc.assert(
      fc.property(anyRequest, anyAnswer, (request, { requestId, outcome }) => {
        const requestBytes = requestFrameBytes(request.operation);
        const chunk = Buffer.alloc(requestBytes + answerFrameBytes(outcome) + 14, 0xaa);
        encodeRequest(chunk, 7, request);
        expect(chunk.subarray(7 + requestBytes).every((byte) => byte === 0xaa)).toBe(true);
        encodeAnswer(chunk, 7 + requestBytes, requestId, outcome);
        expect(chunk.subarray(7, 7 + requestBytes).equals(requestFrame(request))).toBe(true);
        expect(chunk.subarray(0, 7).every((byte) => byte === 0xaa)).toBe(true);
        expect(chunk.subarray(-7).every((byte) => byte === 0xaa)).toBe(true);
      }),
    );
  });

  test('fit into the largest frame when key, type and value are as long as they may be', () => {
    const valueBytesMax = 1_000;
    const key = Buffer.alloc(keyBytesMax);
    const stored = { contentType: 'x'.repeat(255), value: Buffer.alloc(valueBytesMax) };
    const conditions = { ifMatch: Array(32).fill(1), ifNoneMatch: Array(32).fill(1) };
    const idempotencyKey = { opId: Buffer.alloc(opIdBytes), fingerprint: Buffer.alloc(fingerprintBytes) };
    const put = {
      kind: 'put',
      slot: 0,
      key,
      ...stored,
      condition: conditions,
      idempotencyKey,
      expiresAtMs: 1,
    } as const;
    expect(requestFrameBytes(put)).toBeLessThanOrEqual(frameBytesMaxOf(valueBytesMax));
    const puts = {
      kind: 'atomic',
      slot: 0,
      operations: Array(1_000).fill({ ...put, value: Buffer.alloc(0) }),
    } as const;
    expect(requestFrameBytes(puts)).toBeLessThanOrEqual(frameBytesMaxOf(valueBytesMax));
    const answerBytes = answerFrameBytes({ kind: 'value', version: 1, ...stored });
    expect(answerBytes).toBeLessThanOrEqual(frameBytesMaxOf(valueBytesMax));
  });

  test('lie in a frame as the drawings of request and answer say: to change this is to raise wireVersion', () => {
    const request = requestFrame({
      requestId: 0x01020304,
      epoch: 7,
      operation: { kind: 'put', slot: 0x1234, key: Buffer.from('k1'), contentType: 'a/b', value: Buffer.from('V') },
      resend: { opId: Buffer.from('0123456789abcdef'), resent: true, seenLsn: 2 ** 32 + 5 },
    });
    expect(request.toString('latin1')).toBe(
      '\x2d\0\0\0\x04\x03\x02\x01\x03\x01\x34\x12\x07\0\0\x000123456789abcdef\x05\0\0\0\x01\0\0\0\x02\0\x03k1a/bV',
    );
    const answer = answerFrame({
      requestId: 9,
      outcome: {
        kind: 'value',
        version: Number.MAX_SAFE_INTEGER,
        contentType: 'a/b',
        value: Buffer.from('V'),
        expiresAtMs: 7,
      },
    });
    expect(answer.toString('latin1')).toBe(
      '\x24\0\0\0\x09\0\0\0\x01\x03\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\x1f\0\x07\0\0\0\0\0\0\0\0\0\0\0a/bV',
    );
  });
});

test('an answer says how long its batch took, and a page of the feed comes back as it was', () => {
  const answer = Buffer.alloc(answerFrameBytes({ kind: 'absent' }));
  encodeAnswer(answer, 0, 1, { kind: 'absent' }, 1_234);
  expect(answerSqliteMs(answer)).toBe(1.234);
  fc.assert(
    fc.property(anyFeed, (page) => {
      expect(feedPageOf(packedFeed(page))).toEqual(page);
    }),
  );
});

describe('hellos', () => {
  test('arrive as they were sent', () => {
    fc.assert(
      fc.property(buffer({ minLength: 8, maxLength: 8 }), fc.nat(65_535), uint53, (session, shard, lsn) => {
        expect(routerHelloOf(routerHelloFrame(session))).toEqual({ wireVersion, session });
        expect(shardHelloOf(shardHelloFrame({ shard, lsn }))).toEqual({ wireVersion, shard, lsn });
      }),
    );
  });

  test('of another wire version are refused', () => {
    for (const [frame, helloOf] of [
      [routerHelloFrame(Buffer.alloc(8)), routerHelloOf],
      [shardHelloFrame({ shard: 1, lsn: 0 }), shardHelloOf],
    ] as const) {
      frame.writeUInt16LE(wireVersion + 1, 4);
      expect(() => helloOf(frame)).toThrow(WireError);
      expect(() => helloOf(frame)).toThrow(`wire version ${wireVersion + 1}, not ${wireVersion}`);
    }
  });

  test("keep no hold of the chunk they came in: a router's session outlives it", () => {
    const frame = routerHelloFrame(Buffer.from('session!'));
    const { session } = routerHelloOf(frame);
    frame.fill(0);
    expect(session.toString()).toBe('session!');
  });
});

/** With an operation or outcome byte that exists, or garbage would seldom get past it. */
const garbage = fc.tuple(buffer({ maxLength: 100, size: 'max' }), fc.nat(14)).map(([bytes, kind]) => {
  if (bytes.length > 8) bytes[8] = kind;
  return bytes;
});

describe('bytes that are no frame', () => {
  test.each<[what: string, decode: (frame: Buffer) => unknown]>([
    ['a request', requestOf],
    ['the id of an answer', answerRequestId],
    ['an outcome', answerOf],
    ["a router's hello", routerHelloOf],
    ["a shard's hello", shardHelloOf],
  ])('throw nothing but WireError when read as %s', (_what, decode) => {
    fc.assert(
      fc.property(garbage, (bytes) => {
        const thrown = thrownBy(() => decode(bytes));
        if (thrown !== undefined && !(thrown instanceof WireError)) throw thrown;
      }),
      { numRuns: 1_000 },
    );
  });

  test('are refused when a request ends within its header, key or type', () => {
    const request = requestFrame({
      requestId: 1,
      epoch: 1,
      operation: { kind: 'put', slot: 1, key: Buffer.from('key'), contentType: 'text/plain', value: Buffer.alloc(0) },
      resend: noResend,
    });
    for (let length = 0; length < request.length; length++) {
      expect(() => requestOf(request.subarray(0, length))).toThrow(WireError);
    }
  });

  test('are refused when an answer ends within its header', () => {
    const answer = answerFrame({ requestId: 1, outcome: { kind: 'created', version: 1 } });
    for (let length = 0; length < answer.length; length++) {
      expect(() => answerRequestId(answer.subarray(0, length))).toThrow(WireError);
    }
  });

  test('are refused when an answer ends within its content type', () => {
    const outcome = { kind: 'value', version: 1, contentType: 'text/plain', value: Buffer.alloc(0) } as const;
    const answer = answerFrame({ requestId: 1, outcome });
    expect(() => answerOf(answer.subarray(0, -1))).toThrow(WireError);
  });

  test('are refused when a request names a slot that there is not', () => {
    const request = requestFrame({
      requestId: 1,
      epoch: 1,
      operation: { kind: 'get', slot: slotCount, key: Buffer.from('key') },
      resend: noResend,
    });
    expect(() => requestOf(request)).toThrow(WireError);
  });

  test.each([0, keyBytesMax + 1])('are refused when a request has a key of %d bytes', (keyBytes) => {
    const request = requestFrame({
      requestId: 1,
      epoch: 1,
      operation: { kind: 'get', slot: 1, key: Buffer.alloc(keyBytes) },
      resend: noResend,
    });
    expect(() => requestOf(request)).toThrow(WireError);
  });

  test('are refused when a version is beyond 2^53 − 1', () => {
    const answer = answerFrame({ requestId: 1, outcome: { kind: 'created', version: Number.MAX_SAFE_INTEGER } });
    answer.writeBigUInt64LE(2n ** 53n, 16);
    expect(() => answerOf(answer)).toThrow(WireError);
  });
});

function requestFrame(request: Request): Buffer {
  const frame = Buffer.alloc(requestFrameBytes(request.operation));
  encodeRequest(frame, 0, request);
  return frame;
}

function answerFrame({ requestId, outcome }: { requestId: number; outcome: Answer }): Buffer {
  const frame = Buffer.alloc(answerFrameBytes(outcome));
  encodeAnswer(frame, 0, requestId, outcome);
  return frame;
}

/** The frames that a decoder finds when the bytes come in chunks of these lengths. */
function framesThrough(bytes: Buffer, chunkLengths: Iterator<number>): Buffer[] {
  const frames: Buffer[] = [];
  const decoder = new FrameDecoder(frameBytesMaxOf(1_000), (frame) => frames.push(frame));
  for (let at = 0; at < bytes.length; ) {
    const end = at + (chunkLengths.next().value as number);
    decoder.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
