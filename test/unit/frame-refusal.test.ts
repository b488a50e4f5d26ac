/** Nothing that a router may be asked ends its connection to a shard: it is refused, or the shard reads what was sent. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fingerprintBytes } from '../../src/kv/idempotency-key.ts';
import { opIdBytes } from '../../src/kv/op-id.ts';
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
