/**
 * Rows as they travel from shard to shard, and the digest by which both ends compare what they hold. Pure.
 *
 *   0      1            2      4           6      8         16            20           28
 *   ├ kind ┼ type bytes ┼ slot ┼ key bytes ┼ zero ┼ version ┼ value bytes ┼ expires at ┼ key, type, value
 *
 * `expires at` is 0 for never. A deletion has neither type nor value; it overtakes an older page that still had the row.
 */

import type { Key } from '../kv/key.ts';
import { expiryOf } from '../kv/store.ts';
import { readUInt53, writeUInt53 } from '../kv/uint53.ts';
import { hashOf } from '../partition/slot.ts';
import type { SlotSum } from './slot-storage.ts';

export type Row = {
  readonly slot: number;
  readonly key: Key;
  readonly version: number;
  readonly contentType: string;
  readonly value: Buffer;
  /** Unix milliseconds; absent for never. */
  readonly expiresAtMs?: number;
};

type Deletion = { readonly slot: number; readonly key: Key };

/** What became of a key: its row as it is now, or nothing. */
export type Change = Row | Deletion;

const headerBytes = 28;
const kinds = { row: 1, deletion: 2 } as const;

export function isRow(change: Change): change is Row {
  return 'value' in change;
}

export function packedBytes(change: Change): number {
  return headerBytes + change.key.length + (isRow(change) ? change.contentType.length + change.value.length : 0);
}

export function packChanges(changes: readonly Change[]): Buffer {
  const packed = Buffer.allocUnsafe(changes.reduce((sum, change) => sum + packedBytes(change), 0));
  let at = 0;
  for (const change of changes) at = packChange(packed, at, change);
  return packed;
}

/** @throws RangeError when the bytes were not packed by `packChanges` */
export function unpackChanges(packed: Buffer): Change[] {
  const changes: Change[] = [];
  for (let at = 0; at < packed.length; ) {
    const kind = packed.readUInt8(at);
    const slot = packed.readUInt16LE(at + 2);
    const keyEnd = at + headerBytes + packed.readUInt16LE(at + 4);
    const typeEnd = keyEnd + packed.readUInt8(at + 1);
    const end = typeEnd + packed.readUInt32LE(at + 16);
    if (end > packed.length || (kind !== kinds.row && kind !== kinds.deletion)) {
      throw new RangeError(`the packed rows break off or go astray at byte ${at} of ${packed.length}`);
    }
    const key = packed.subarray(at + headerBytes, keyEnd);
    if (kind === kinds.deletion) changes.push({ slot, key });
    else {
      const version = readUInt53(packed, at + 8);
      changes.push({
        slot,
        key,
        version,
        contentType: packed.toString('latin1', keyEnd, typeEnd),
        value: packed.subarray(typeEnd, end),
        ...expiryOf(readUInt53(packed, at + 20)),
      });
    }
    at = end;
  }
  return changes;
}

/** What a set of rows comes to, in any order: how many, how large, and a sum of their hashes. */
export class RowSum {
  keys = 0;
  /** Of keys and values. */
  bytes = 0;
  /** Sum of the xxh32 of each packed row, modulo 2^52: equal for equal rows, in whatever order they come. */
  digest = 0;

  add(row: Row): void {
    const size = packedBytes(row);
    if (size > scratch.length) scratch = Buffer.allocUnsafe(size);
    packChange(scratch, 0, row);
    this.keys++;
    this.bytes += row.key.length + row.value.length;
    this.digest = (this.digest + hashOf(scratch.subarray(0, size))) % 2 ** 52;
  }

  /** Of other rows. */
  addSum({ keys, bytes, digest }: SlotSum): void {
    this.keys += keys;
    this.bytes += bytes;
    this.digest = (this.digest + digest) % 2 ** 52;
  }

  equals(other: SlotSum): boolean {
    return this.keys === other.keys && this.bytes === other.bytes && this.digest === other.digest;
  }
}

/** Where a row is packed to be hashed; there is one sum for each slot of a move, so it is not theirs. */
let scratch = Buffer.allocUnsafe(4_096);

function packChange(target: Buffer, at: number, change: Change): number {
  const { slot, key } = change;
  const row = isRow(change) ? change : undefined;
  const contentType = row?.contentType ?? '';
  target[at] = row === undefined ? kinds.deletion : kinds.row;
  target[at + 1] = contentType.length;
  target.writeUInt16LE(slot, at + 2);
  target.writeUInt16LE(key.length, at + 4);
  target.writeUInt16LE(0, at + 6);
  writeUInt53(target, row?.version ?? 0, at + 8);
  target.writeUInt32LE(row?.value.length ?? 0, at + 16);
  writeUInt53(target, row?.expiresAtMs ?? 0, at + 20);
  let end = at + headerBytes;
  end += key.copy(target, end);
  end += target.write(contentType, end, 'latin1');
  if (row !== undefined) end += row.value.copy(target, end);
  return end;
}
