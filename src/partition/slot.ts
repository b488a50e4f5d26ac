/**
 * From a key to its slot: xxh32 of the key's tag, of which the upper 14 bits number one of 16,384 equal
 * arcs of the 32-bit hash ring. Pure. Changing anything here would orphan every row ever written: the
 * published vectors in docs/partitioning.md hold it.
 *
 * xxh32: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md, seed 0.
 * Hash tags as in the Redis Cluster specification, section "Hash tags".
 */

import xxhash from 'xxhash-wasm';

const slotBits = 14;
export const slotCount = 2 ** slotBits;

const { h32Raw } = await xxhash();

/** xxh32 with seed 0 of these bytes, as an unsigned 32-bit number. */
export function hashOf(bytes: Uint8Array): number {
  return h32Raw(bytes) >>> 0;
}

/**
 * The part of a key that decides its slot: what stands between the first `{` and the next `}` after it,
 * when that is not empty; else the whole key. Keys with equal tags share a slot.
 */
export function tagOf(key: Buffer): Buffer {
  const open = key.indexOf(0x7b);
  if (open === -1) return key;
  const close = key.indexOf(0x7d, open + 1);
  return close > open + 1 ? key.subarray(open + 1, close) : key;
}

/** 0 to 16,383. */
export function slotOf(key: Buffer): number {
  return hashOf(tagOf(key)) >>> (32 - slotBits);
}
