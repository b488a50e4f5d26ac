/**
 * How a key and its value lie in Redis. Pure.
 *
 *   {s5443}k:<key>    the value: version ':' length of the content type ':' content type, then the value's bytes
 *   {s5443}n          the version that was last given in this slot
 *   {s5443}o:<op id>  what a write was answered, kept for as long as it may be sent again
 *
 * What stands in braces alone decides where a Redis Cluster keeps a key: everything of one slot lies on one server.
 */

import type { Key } from '../kv/key.ts';
import type { OpId, Outcome, WriteOutcome } from '../kv/store.ts';

/** More than version, length and content type can have: the first bytes of a value tell all but its own. */
export const headBytesMax = 300;

const colon = 0x3a;

export function valueKeyOf(slot: number, key: Key): Buffer {
  return Buffer.concat([Buffer.from(`{s${slot}}k:`), key]);
}

export function versionKeyOf(slot: number): string {
  return `{s${slot}}n`;
}

export function opKeyOf(slot: number, opId: OpId): Buffer {
  return Buffer.concat([Buffer.from(`{s${slot}}o:`), opId]);
}

/** What follows the version, which Redis gives. */
export function packedValue(contentType: string, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`:${contentType.length}:${contentType}`, 'latin1'), value]);
}

type Head = { readonly version: number; readonly contentType: string; readonly bytes: number };

/** @throws RangeError when these bytes were not written by `packedValue` behind a version */
function headOf(packed: Buffer): Head {
  const versionEnd = packed.indexOf(colon);
  const lengthEnd = packed.indexOf(colon, versionEnd + 1);
  const version = Number(packed.toString('latin1', 0, versionEnd));
  const bytes = lengthEnd + 1 + Number(packed.toString('latin1', versionEnd + 1, lengthEnd));
  if (versionEnd < 1 || lengthEnd < 0 || !Number.isSafeInteger(version) || !(bytes <= packed.length)) {
    throw new RangeError('a value in Redis was not written by Shardlite');
  }
  return { version, contentType: packed.toString('latin1', lengthEnd + 1, bytes), bytes };
}

export function valueOf(packed: Buffer): Outcome {
  const { version, contentType, bytes } = headOf(packed);
  return { kind: 'value', version, contentType, value: packed.subarray(bytes) };
}

/** @param head the first `headBytesMax` bytes, of `packedBytes` in all */
export function metadataOf(head: Buffer, packedBytes: number): Outcome {
  const { version, contentType, bytes } = headOf(head);
  return { kind: 'metadata', version, contentType, valueBytes: packedBytes - bytes };
}

const writeKinds = ['created', 'replaced', 'deleted'] as const;

/** @param reply of the scripts that write, e.g. `created 17`. @throws RangeError */
export function writeOutcomeOf(reply: unknown): WriteOutcome {
  const [name, version] = String(reply).split(' ');
  const kind = writeKinds.find((one) => one === name);
  if (kind === undefined || !Number.isSafeInteger(Number(version))) {
    throw new RangeError(`Redis answered a write with ${JSON.stringify(String(reply))}`);
  }
  return { kind, version: Number(version) };
}
