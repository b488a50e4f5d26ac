/**
 * From a key to its slot. Every row ever written lies where this arithmetic put it: a change here loses data,
 * so the vectors below are published and must never be edited.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hashOf, slotCount, slotOf, tagOf } from '../../src/partition/slot.ts';

describe('the hash', () => {
  // From the test suites of xxHash's ports; seed 0.
  test.each([
    ['', 0x02cc5d05],
    ['a', 0x550d7456],
    ['as', 0x9d5a0464],
    ['asd', 0x3d83552b],
    ['asdf', 0x5e702c32],
    ['abc', 0x32d153ff],
    ['123456789', 0x937bad67],
    ['Nobody inspects the spammish repetition', 0xe2293b2f],
    ['Call me Ishmael. Some years ago--never mind how long precisely-', 0x6f320359],
  ])('of %j is the published xxh32', (text, hash) => {
    expect(hashOf(Buffer.from(text))).toBe(hash);
    expect(xxh32(Buffer.from(text))).toBe(hash);
  });

  test('agrees with the xxHash specification on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_100, size: 'max' }), (bytes) => {
        expect(hashOf(bytes)).toBe(xxh32(bytes));
      }),
      { numRuns: 300 },
    );
  });

  test('depends on the bytes of a view, not on what lies around it', () => {
    expect(hashOf(Buffer.from('xxabcxx').subarray(2, 5))).toBe(0x32d153ff);
  });
});

describe('the tag of a key', () => {
  test.each([
    ['user:1000', 'user:1000', 'has no braces'],
    ['{user1000}.following', 'user1000', 'begins with a tag'],
    ['{user1000}.followers', 'user1000', 'has the same tag'],
    ['foo{bar}', 'bar', 'ends with a tag'],
    ['foo{}{bar}', 'foo{}{bar}', 'has an empty first tag'],
    ['foo{{bar}}zap', '{bar', 'has a brace within the tag'],
    ['foo{bar}{zap}', 'bar', 'has two tags'],
    ['{}', '{}', 'is an empty tag alone'],
    ['{}a', '{}a', 'begins with an empty tag'],
    ['{a', '{a', 'is never closed'],
    ['foo{', 'foo{', 'ends with an opening brace'],
    ['a}b', 'a}b', 'is only closed'],
    ['}{a}', 'a', 'is closed before it is opened'],
    ['a}b{c', 'a}b{c', 'is opened after the last close'],
    ['{東京}/weather', '東京', 'has a tag beyond ASCII'],
    ['{ }', ' ', 'has a tag of one space'],
  ])('%j is %j: it %s', (key, tag) => {
    expect(tagOf(Buffer.from(key)).toString()).toBe(tag);
  });

  test('gives keys of one tag one slot', () => {
    // Braces in the tag itself would end or empty it.
    const tag = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !/[{}]/.test(text));
    const before = fc.string({ unit: 'binary' }).filter((text) => !text.includes('{'));
    fc.assert(
      fc.property(tag, before, fc.string({ unit: 'binary' }), (text, prefix, suffix) => {
        expect(slotOf(Buffer.from(`${prefix}{${text}}${suffix}`))).toBe(slotOf(Buffer.from(text)));
      }),
    );
  });
});

describe('the slot of a key', () => {
  // The README's table: whoever shards by it from another language relies on each line.
  test.each([
    ['a', 0x550d7456, 5443],
    ['foo', 0xe20f0dd9, 14467],
    ['user:1000', 0x1b4f740b, 1747],
    ['{user1000}.following', 0x41f3f6f4, 4220],
    ['{user1000}.followers', 0x41f3f6f4, 4220],
    ['foo{}{bar}', 0x7c55d3a0, 7957],
    ['foo{{bar}}zap', 0xc980ab9a, 12896],
    ['café', 0x3fdd39c1, 4087],
    ['東京', 0xc45394e6, 12564],
    ['{東京}/weather', 0xc45394e6, 12564],
    ['🔑', 0xd228667c, 13450],
  ])('%j is the published one', (text, hash, slot) => {
    const key = Buffer.from(text);
    expect(hashOf(tagOf(key))).toBe(hash);
    expect(xxh32(tagOf(key))).toBe(hash);
    expect(slotOf(key)).toBe(slot);
  });

  test('is the upper 14 bits of the hash of its tag: 0 to 16,383', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (bytes) => {
        const key = Buffer.from(bytes);
        expect(slotOf(key)).toBe(hashOf(tagOf(key)) >>> 18);
        expect(slotOf(key)).toBeLessThan(slotCount);
      }),
    );
  });

  test('spreads numbered keys evenly: no sixteenth of the ring is off by more than a tenth', () => {
    const keys = 64_000;
    const arcs = new Uint32Array(16);
    for (let id = 0; id < keys; id++) {
      const arc = Math.floor(slotOf(Buffer.from(`user:${id}`)) / (slotCount / arcs.length));
      arcs[arc] = (arcs[arc] as number) + 1;
    }
    const even = keys / arcs.length;
    expect(Math.min(...arcs)).toBeGreaterThan(even * 0.9);
    expect(Math.max(...arcs)).toBeLessThan(even * 1.1);
  });
});

/** Written from the specification alone: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, seed 0. */
function xxh32(bytes: Uint8Array): number {
  const [prime1, prime2, prime3, prime4, prime5] = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1];
  const rotated = (word: number, bits: number) => (word << bits) | (word >>> (32 - bits));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  let hash = prime5;
  if (bytes.length >= 16) {
    let lanes = [prime1 + prime2, prime2, 0, -prime1];
    for (; at + 16 <= bytes.length; at += 16) {
      lanes = lanes.map((lane, index) => {
        const mixed = lane + Math.imul(view.getUint32(at + index * 4, true), prime2);
        return Math.imul(rotated(mixed, 13), prime1);
      });
    }
    hash = [1, 7, 12, 18].reduce((sum, bits, index) => (sum + rotated(lanes[index] as number, bits)) | 0, 0);
  }
  hash = (hash + bytes.length) | 0;
  for (; at + 4 <= bytes.length; at += 4) {
    hash = Math.imul(rotated(hash + Math.imul(view.getUint32(at, true), prime3), 17), prime4);
  }
  for (; at < bytes.length; at++) {
    hash = Math.imul(rotated(hash + Math.imul(view.getUint8(at), prime5), 11), prime1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), prime2);
  hash = Math.imul(hash ^ (hash >>> 13), prime3);
  return (hash ^ (hash >>> 16)) >>> 0;
}
