/**
 * How keys and their values are laid out in Redis: the names of Redis's keys, and what each of them holds. Pure.
 *
 *   {s5443}k:<key>    the value: version ':' expiry in Unix ms, 0 for never, ':' length of the content type ':'
 *                     content type, then the value's bytes. Expires by itself.
 *   {s5443}v          the version that was last given in this slot
 *   {s5443}i          the index: the keys of this slot, a sorted set in the order of their bytes; a key that has
 *                     expired stays in it until it is swept
 *   {s5443}x          the keys of this slot that expire, a sorted set by expiry in Unix ms
 *   {s5443}o:<op id>  a write's fingerprint and answer; expires when the write can no longer be sent again
 *   {s5443}t          scratch space: exists only while a script runs
 *
 * A Redis Cluster places a key by the text in its braces alone (hash tags), so everything of one slot lies on one server.
 */

import type { Key } from '../kv/key.ts';
import type { OpId } from '../kv/op-id.ts';
import { expiryOf, type KeyOutcome, type MetadataOutcome } from '../kv/outcome.ts';

/** The largest size of what precedes the value's bytes: three numbers, their colons and a content type come to less. */
export const headBytesMax = 320;

const colon = 0x3a;

export function valueKeyOf(slot: number, key: Key): Buffer {
  return Buffer.concat([Buffer.from(`{s${slot}}k:`), key]);
}

export function versionKeyOf(slot: number): string {
  return `{s${slot}}v`;
}

export function indexKeyOf(slot: number): string {
  return `{s${slot}}i`;
}

export function expiriesKeyOf(slot: number): string {
  return `{s${slot}}x`;
}

export function scratchKeyOf(slot: number): string {
  return `{s${slot}}t`;
}

export function opKeyOf(slot: number, opId: OpId): Buffer {
  return Buffer.concat([Buffer.from(`{s${slot}}o:`), opId]);
}

/** The packed value without its version and expiry, which the script adds when it writes. */
export function tailOf(contentType: string, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${contentType.length}:${contentType}`, 'latin1'), value]);
}

type Head = {
  readonly version: number;
  readonly contentType: string;
  readonly expiresAtMs?: number;
};

export function unpackedValue(packed: Buffer): KeyOutcome {
  const { head, bytes } = headOf(packed);
  return { kind: 'value', ...head, value: packed.subarray(bytes) };
}

/**
 * @param first the first `headBytesMax` bytes of a packed value, which has `packedBytes`
 * @throws RangeError when these bytes were not written by our script
 */
export function unpackedMetadata(first: Buffer, packedBytes: number): MetadataOutcome {
  const { head, bytes } = headOf(first);
  return { kind: 'metadata', ...head, valueBytes: packedBytes - bytes };
}

/** @throws RangeError when these bytes were not written by our script */
function headOf(packed: Buffer): { readonly head: Head; readonly bytes: number } {
  const numbers: number[] = [];
  let at = 0;
  while (numbers.length < 3) {
    const end = packed.indexOf(colon, at);
    const text = packed.toString('latin1', at, end);
    if (end === -1 || !/^\d{1,16}$/.test(text)) throw new RangeError('a value in Redis was not written by Shardlite');
    numbers.push(Number(text));
    at = end + 1;
  }
  const [version, expiresAtMs, typeBytes] = numbers as [number, number, number];
  const contentType = packed.toString('latin1', at, at + typeBytes);
  return { head: { version, contentType, ...expiryOf(expiresAtMs) }, bytes: at + typeBytes };
}
