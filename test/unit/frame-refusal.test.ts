/** Nothing that a router may be asked ends its connection to a shard: it is refused, or the shard reads what was sent. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fingerprintBytes } from '../../src/kv/idempotency-key.ts';
import { keyBytesMax } from '../../src/kv/key.ts';
import { listLimitMax } from '../../src/kv/listing.ts';
import { opIdBytes } from '../../src/kv/op-id.ts';
import { lifetimeMsMax } from '../../src/kv/operation.ts';
import { slotCount } from '../../src/partition/slot.ts';
import { FrameDecoder } from '../../src/wire/frame-decoder.ts';
import {
  type Asked,
  encodeRequest,
  frameBytesMaxOf,
  frameRefusalOf,
  noResend,
  requestFrameBytes,
  requestOf,
} from '../../src/wire/request-frame.ts';

const frameBytesMax = frameBytesMaxOf(1);

const edges = [0, 1, 32, 255, 256, 1_000, 1_024, 1_025, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53];
const anyNumber = fc.oneof(fc.constantFrom(...edges, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY), fc.maxSafeNat());
const mostlySmall = fc.oneof({ weight: 9, arbitrary: fc.nat(100) }, { weight: 1, arbitrary: anyNumber });
const bytesOf = (length: number) => fc.oneof(fc.nat(40), fc.nat(length)).map((bytes) => Buffer.alloc(bytes, 'k'));
const versions = fc.oneof(fc.constant('*' as const), fc.array(mostlySmall, { maxLength: 40 }));
const guards = {
  condition: fc.record({ ifMatch: versions, ifNoneMatch: versions }, { requiredKeys: [] }),
  idempotencyKey: fc.constant({ opId: Buffer.alloc(opIdBytes, 7), fingerprint: Buffer.alloc(fingerprintBytes, 7) }),
};
const address = { slot: mostlySmall, key: bytesOf(1_100) };
const contentType = fc.nat(300).map((length) => 't'.repeat(length));
const required = (...keys: string[]) => ({ requiredKeys: ['kind', 'slot', 'key', ...keys] as never[] });

const keyOperation = fc.oneof(
  fc.record({ kind: fc.constantFrom('get', 'head'), ...address }),
  fc.record(
    { kind: fc.constant('put'), ...address, contentType, value: bytesOf(200), expiresAtMs: mostlySmall, ...guards },
    required('contentType', 'value'),
  ),
  fc.record({ kind: fc.constant('touch'), ...address, ttlMs: mostlySmall, ...guards }, required()),
  fc.record({ kind: fc.constant('delete'), ...address, ...guards }, required()),
  fc.record(
    { kind: fc.constant('increment'), ...address, by: fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }), ...guards },
    required('by'),
  ),
);
const lengthy = fc.constantFrom(0, 5, 1_024, 65_535, 65_536).map((bytes) => Buffer.alloc(bytes, 'p'));
const position = fc.record({ kind: fc.constantFrom('key', 'prefix'), bytes: lengthy });
const query = fc.record({
  prefix: lengthy,
  after: fc.option(position, { nil: undefined }),
  delimiter: fc.option(lengthy, { nil: undefined }),
  limit: mostlySmall,
  values: fc.boolean(),
  reverse: fc.boolean(),
});
const place = fc.record({ lsn: mostlySmall, carried: mostlySmall });
const asked = fc.oneof(
  keyOperation,
  fc.tuple(fc.nat(20_000), fc.array(keyOperation, { maxLength: 4 })).map(([slot, operations]) => ({
    kind: 'atomic',
    slot,
    operations: operations.map((one) => (one.kind === 'delete' ? one : { ...one, slot })),
  })),
  fc.record({ kind: fc.constant('list'), slot: fc.constant(0), epoch: mostlySmall, query }),
  fc.record({ kind: fc.constant('feed'), slot: fc.constant(0), after: place, rowsMax: mostlySmall }),
) as fc.Arbitrary<Asked>;

function frameOf(operation: Asked): Buffer {
  const frame = Buffer.alloc(requestFrameBytes(operation));
  encodeRequest(frame, 0, { requestId: 1, epoch: 1, operation, resend: noResend });
  return frame;
}

function readByTheShard(frame: Buffer): Asked {
  const read: Asked[] = [];
  new FrameDecoder(frameBytesMax, (one) => read.push(requestOf(one).operation)).push(frame);
  return read[0] as Asked;
}

test('10,000 generated requests are refused, or arrive as they were', () => {
  let [carried, refused] = [0, 0];
  fc.assert(
    fc.property(asked, (operation) => {
      if (frameRefusalOf(operation, requestFrameBytes(operation), frameBytesMax) === undefined) {
        carried++;
        const frame = frameOf(operation);
        expect(frameOf(readByTheShard(frame)).equals(frame)).toBe(true);
      } else refused++;
    }),
    { numRuns: 10_000 },
  );
  // It is worth something only if neither is rare, however many there was time for.
  expect(Math.min(carried, refused)).toBeGreaterThan(0.1 * (carried + refused));
});

const key = Buffer.from('key');
const put = { kind: 'put', slot: 1, key, contentType: '', value: key } as const;
const list = (query: object, epoch = 1) => ({
  ...{ kind: 'list', slot: 0, epoch },
  query: { prefix: key, after: undefined, delimiter: undefined, limit: 1, values: false, reverse: false, ...query },
});
const feed = (lsn: number, carried: number, rowsMax: number) => ({
  ...{ kind: 'feed', slot: 0, after: { lsn, carried }, rowsMax },
});
const uint32Max = 2 ** 32 - 1;

test.each<[what: string, requestWith: (size: number) => object, least: number, most: number]>([
  ['the slot of a read', (slot) => ({ kind: 'head', slot, key }), 0, slotCount - 1],
  ['the bytes of a key', (bytes) => ({ kind: 'head', slot: 1, key: Buffer.alloc(bytes) }), 1, keyBytesMax],
  ['the bytes of the key of a put', (bytes) => ({ ...put, key: Buffer.alloc(bytes) }), 1, keyBytesMax],
  ['the bytes of the key of a get', (bytes) => ({ kind: 'get', slot: 1, key: Buffer.alloc(bytes) }), 1, keyBytesMax],
  [
    'the bytes of the key of an increment',
    (bytes) => ({ kind: 'increment', slot: 1, key: Buffer.alloc(bytes), by: 1n }),
    ...([1, keyBytesMax] as const),
  ],
  ['the bytes of a type', (bytes) => ({ ...put, contentType: 't'.repeat(bytes) }), 0, 255],
  ['a ttl of a put', (ttlMs) => ({ ...put, ttlMs }), 0, lifetimeMsMax],
  ['a ttl of a touch', (ttlMs) => ({ kind: 'touch', slot: 1, key, ttlMs }), 0, lifetimeMsMax],
  ['a ttl of an increment', (ttlMs) => ({ kind: 'increment', slot: 1, key, by: 1n, ttlMs }), 0, lifetimeMsMax],
  ['the slot of both parts', (slot) => ({ kind: 'atomic', slot, operations: [{ ...put, slot }, put] }), 1, 1],
  ['a ttl within a batch', (ttlMs) => ({ kind: 'atomic', slot: 1, operations: [{ ...put, ttlMs }] }), 0, lifetimeMsMax],
  ['the limit of a listing', (limit) => list({ limit }), 0, listLimitMax],
  ['the epoch of a listing', (epoch) => list({}, epoch), 0, uint32Max],
  ['the bytes of a prefix', (bytes) => list({ prefix: Buffer.alloc(bytes) }), 0, 65_535],
  ['the bytes of a position', (bytes) => list({ after: { kind: 'key', bytes: Buffer.alloc(bytes) } }), 0, 65_535],
  ['the bytes of a delimiter', (bytes) => list({ delimiter: Buffer.alloc(bytes) }), 0, 65_535],
  ['the place of a feed', (lsn) => feed(lsn, 0, 1), 0, Number.MAX_SAFE_INTEGER],
  ['the known part of an arrival', (carried) => feed(0, carried, 1), 0, uint32Max],
  ['the rows of a feed', (rows) => feed(0, 0, rows), 0, 65_535],
])('%s has room up to its largest, and nothing beyond it', (_what, requestWith, least, most) => {
  const refusalOf = (size: number) => frameRefusalOf(requestWith(size) as Asked, 100, 100)?.code;
  expect([refusalOf(least), refusalOf(most)]).toEqual([undefined, undefined]);
  expect(refusalOf(most + 1)).toBe('parameter-invalid');
  if (least > 0) expect(refusalOf(least - 1)).toBe('parameter-invalid');
});

test('numbers that are not whole, or below nothing, have no room', () => {
  for (const rows of [-1, 0.5, Number.NaN]) {
    expect(frameRefusalOf(feed(0, 0, rows) as Asked, 100, 100)?.code).toBe('parameter-invalid');
  }
});

test('an increment has 64 bits', () => {
  const refusalOf = (by: bigint) => frameRefusalOf({ kind: 'increment', slot: 1, key, by }, 100, 100)?.code;
  expect([refusalOf(-(2n ** 63n)), refusalOf(2n ** 63n - 1n)]).toEqual([undefined, undefined]);
  expect([refusalOf(-(2n ** 63n) - 1n), refusalOf(2n ** 63n)]).toEqual(['parameter-invalid', 'parameter-invalid']);
});

test('an atomic batch that is larger than a frame may be is refused as a batch', () => {
  const operations = Array.from({ length: 10 }, () => ({
    kind: 'put' as const,
    slot: 1,
    key: Buffer.from('key'),
    contentType: '',
    value: Buffer.alloc(frameBytesMax / 8),
  }));
  const operation = { kind: 'atomic', slot: 1, operations } as const;
  const refusal = frameRefusalOf(operation, requestFrameBytes(operation), frameBytesMax);
  expect(refusal?.code).toBe('batch-too-large');
});
