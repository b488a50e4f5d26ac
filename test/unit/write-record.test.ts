/**
 * The records in the ledger are what a resent write is answered from, maybe by a later build: they must come back
 * exactly, and bytes that are no records must never be read as some.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fingerprintBytes } from '../../src/kv/idempotency-key.ts';
import { noOpId, opIdBytes } from '../../src/kv/op-id.ts';
import {
  findRecord,
  packRecords,
  recordsWithIdempotencyKey,
  selectRecords,
  unpackRecords,
  type WriteRecord,
} from '../../src/kv/write-record.ts';
import { slotCount } from '../../src/partition/slot.ts';

const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
const version = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32, Number.MAX_SAFE_INTEGER));
const anyRecord = fc.record(
  {
    opId: bytes(opIdBytes),
    slot: fc.integer({ min: 0, max: slotCount - 1 }),
    shard: fc.nat(65_535),
    key: fc.uint8Array({ maxLength: 30 }).map((array) => Buffer.from(array)),
    outcome: fc.oneof(
      fc.record({ kind: fc.constantFrom('created', 'replaced', 'deleted', 'expired'), version }),
      fc.record({
        kind: fc.constant('counted'),
        version,
        number: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      }),
    ),
    idempotency: fc.record({ fingerprint: bytes(fingerprintBytes), atMs: fc.maxSafeNat() }),
  },
  { requiredKeys: ['opId', 'slot', 'shard', 'key', 'outcome'] },
);

describe('packed records', () => {
  test('come back as they were, in order', () => {
    fc.assert(
      fc.property(fc.array(anyRecord), (records) => {
        expect(unpackRecords(packRecords(records))).toEqual(records);
      }),
    );
  });

  test('come back from any place in a larger buffer, as SQLite may give them', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 1 }), fc.nat(16), (records, offset) => {
        const larger = Buffer.concat([Buffer.alloc(offset, 0xff), packRecords(records), Buffer.alloc(3, 0xff)]);
        expect(unpackRecords(larger.subarray(offset, -3))).toEqual(records);
      }),
    );
  });

  test('lie as the drawing in write-record.ts says: files of earlier builds hold them so', () => {
    const packed = packRecords([
      {
        opId: Buffer.from('0123456789abcdef'),
        slot: 0x1234,
        shard: 2,
        key: Buffer.from('k1'),
        outcome: { kind: 'counted', version: 2 ** 32 + 5, number: -1n },
        idempotency: { fingerprint: Buffer.from('FINGERPR'), atMs: 3 },
      },
      { opId: noOpId, slot: 1, shard: 1, key: Buffer.from('k'), outcome: { kind: 'created', version: 6 } },
    ]);
    const first = '0123456789abcdef\x34\x12\x02\0\x83\x05\0\0\0\x01\0\0\0\x02\0';
    const second = `${'\0'.repeat(opIdBytes)}\x01\0\x01\0\0\x06\0\0\0\0\0\0\0\x01\0k`;
    expect(packed.toString('latin1')).toBe(`${first}${'\xff'.repeat(8)}FINGERPR\x03\0\0\0\0\0\0\0k1${second}`);
  });

  test('are found by their op id, and the named ones by their name', () => {
    fc.assert(
      fc.property(fc.uniqueArray(anyRecord, { selector: ({ opId }) => opId.toString('hex') }), (records) => {
        const packed = packRecords(records);
        for (const record of records) expect(findRecord(packed, record.opId)).toEqual(record);
        expect(findRecord(packed, Buffer.alloc(opIdBytes, 'none'))).toBeUndefined();
        expect(recordsWithIdempotencyKey(packed).map(({ record }) => record)).toEqual(
          records.filter(({ idempotency }) => idempotency),
        );
      }),
    );
  });

  test('are selected by slot and version, and each is there once', () => {
    const record = (slot: number, version: number, shard = 1): WriteRecord => ({
      opId: noOpId,
      slot,
      shard,
      key: Buffer.from('key'),
      outcome: { kind: 'created', version },
    });
    const selected = (records: readonly WriteRecord[], aboveLsn: number, slots: readonly number[]) => {
      const found = new Map<string, Buffer>();
      const wanted = { slots: new Uint8Array(slotCount), aboveLsn };
      for (const slot of slots) wanted.slots[slot] = 1;
      selectRecords(packRecords(records), wanted, found);
      selectRecords(packRecords(records), wanted, found);
      return unpackRecords(Buffer.concat([...found.values()]));
    };
    const records = [record(3, 5), record(4, 6), record(3, 7), record(3, 7, 2), record(5, 8)];
    expect(selected(records, 0, [3])).toEqual([record(3, 5), record(3, 7), record(3, 7, 2)]);
    expect(selected(records, 5, [3, 4])).toEqual([record(4, 6), record(3, 7), record(3, 7, 2)]);
    expect(selected(records, 8, [3, 4, 5])).toEqual([]);
    expect(selected(records, 0, [])).toEqual([]);
    expect(selected([], 0, [3])).toEqual([]);
  });

  test('of no writes are no bytes', () => {
    expect(packRecords([]).length).toBe(0);
    expect(unpackRecords(Buffer.alloc(0))).toEqual([]);
  });
});

describe('bytes that are no packed records', () => {
  const packed = packRecords([
    { opId: noOpId, slot: 1, shard: 1, key: Buffer.from('key'), outcome: { kind: 'deleted', version: 1 } },
  ]);

  test('are refused wherever they break off', () => {
    for (let length = 1; length < packed.length; length++) {
      expect(() => unpackRecords(packed.subarray(0, length))).toThrow(RangeError);
    }
  });

  test('are refused by an outcome that there is not', () => {
    const broken = Buffer.from(packed);
    broken[20] = 5;
    expect(() => unpackRecords(broken)).toThrow(/no outcome 5/);
  });

  test('throw nothing but RangeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (array) => {
        try {
          unpackRecords(Buffer.from(array));
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
        }
      }),
    );
  });
});
