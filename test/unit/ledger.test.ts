/**
 * The results in the ledger are what a resent write is answered from, maybe by a later build: they must come back
 * exactly, and bytes that are no results must never be read as some.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { opIdBytes } from '../../src/kv/store.ts';
import { slotCount } from '../../src/partition/slot.ts';
import { noOpId, packResults, unpackResults } from '../../src/sqlite/ledger.ts';

const anyResult = fc.record({
  opId: fc.uint8Array({ minLength: opIdBytes, maxLength: opIdBytes }).map((bytes) => Buffer.from(bytes)),
  slot: fc.integer({ min: 0, max: slotCount - 1 }),
  outcome: fc.record({
    kind: fc.constantFrom('created', 'replaced', 'deleted'),
    version: fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32, Number.MAX_SAFE_INTEGER)),
  }),
});

describe('packed results', () => {
  test('come back as they were, in order', () => {
    fc.assert(
      fc.property(fc.array(anyResult), (results) => {
        expect(unpackResults(packResults(results))).toEqual(results);
      }),
    );
  });

  test('come back from any place in a larger buffer, as SQLite may give them', () => {
    fc.assert(
      fc.property(fc.array(anyResult, { minLength: 1 }), fc.nat(16), (results, offset) => {
        const larger = Buffer.concat([Buffer.alloc(offset, 0xff), packResults(results), Buffer.alloc(3, 0xff)]);
        expect(unpackResults(larger.subarray(offset, -3))).toEqual(results);
      }),
    );
  });

  test('lie as the drawing in ledger.ts says: files of earlier builds hold them so', () => {
    const results = [
      { opId: Buffer.from('0123456789abcdef'), slot: 0x1234, outcome: { kind: 'deleted', version: 2 ** 32 + 5 } },
      { opId: noOpId, slot: 1, outcome: { kind: 'created', version: 6 } },
    ] as const;
    const second = `${'\0'.repeat(opIdBytes)}\x01\0\0\x06\0\0\0\0\0\0\0`;
    expect(packResults(results).toString('latin1')).toBe(`0123456789abcdef\x34\x12\x02\x05\0\0\0\x01\0\0\0${second}`);
  });

  test('of no writes are no bytes', () => {
    expect(packResults([]).length).toBe(0);
    expect(unpackResults(Buffer.alloc(0))).toEqual([]);
  });
});

describe('bytes that are no packed results', () => {
  test.each([1, 16, 26, 28, 53, 55])('are refused by their length: %d', (length) => {
    expect(() => unpackResults(Buffer.alloc(length))).toThrow(RangeError);
    expect(() => unpackResults(Buffer.alloc(length))).toThrow(`${length} bytes are not whole ledger results`);
  });

  test('are refused by an outcome that there is not', () => {
    const packed = packResults([{ opId: noOpId, slot: 1, outcome: { kind: 'deleted', version: 1 } }]);
    packed[18] = 3;
    expect(() => unpackResults(packed)).toThrow(RangeError);
    expect(() => unpackResults(packed)).toThrow(/no outcome 3/);
  });

  test('throw nothing but RangeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 81 }), (bytes) => {
        try {
          unpackResults(Buffer.from(bytes));
        } catch (error) {
          if (!(error instanceof RangeError)) throw error;
        }
      }),
    );
  });
});
