/**
 * Rows as they travel from shard to shard, and the digest by which both ends compare what they hold. Pure.
 *
 *   0      1            2      4           6      8         16            20           28
 *   ├ kind ┼ type bytes ┼ slot ┼ key bytes ┼ zero ┼ version ┼ value bytes ┼ expires at ┼ key, type, value
 *
 * `expires at` is 0 for never. A deletion has neither type nor value; it overtakes an older page that still had the row.
 */

import type { Key } from '../kv/key.ts';
import { readUInt53, writeUInt53 } from '../kv/uint53.ts';
import { hashOf } from '../partition/slot.ts';

export type Row = {
  readonly slot: number;
  readonly key: Key;
  readonly version: number;
  readonly contentType: string;
  readonly value: Buffer;
  /** Unix milliseconds; absent for never. */
  readonly expiresAtMs?: number;
};

/** Adds the expiry to a row; 0 stands for never. Most rows have none, and are not copied. */
export function rowOf(row: Row, expiresAtMs: number): Row {
  return expiresAtMs === 0 ? row : { ...row, expiresAtMs };
}

/** What a page begins after: a row, in order of slot and key, or a name, in order of slot and op id. */
export type Cursor = { readonly slot: number; readonly key: Key };

/** Whether it lies behind the other. */
export function isAfter(one: Cursor, other: Cursor): boolean {
  return one.slot === other.slot ? Buffer.compare(one.key, other.key) > 0 : one.slot > other.slot;
}

type Deletion = { readonly slot: number; readonly key: Key };

/** A key as it is now: its row, or a deletion. */
export type RowDelta = Row | Deletion;

const headerBytes = 28;
const kinds = { row: 1, deletion: 2 } as const;

export function isRow(change: RowDelta): change is Row {
  return 'value' in change;
}

export function packedBytes(change: RowDelta): number {
  return headerBytes + change.key.length + (isRow(change) ? change.contentType.length + change.value.length : 0);
}

export function packDeltas(changes: readonly RowDelta[]): Buffer {
  const packed = Buffer.allocUnsafe(changes.reduce((sum, change) => sum + packedBytes(change), 0));
  let at = 0;
  for (const change of changes) at = packDelta(packed, at, change);
  return packed;
}

/** @throws RangeError when the bytes were not packed by `packDeltas` */
export function unpackDeltas(packed: Buffer): RowDelta[] {
  const changes: RowDelta[] = [];
  for (let at = 0; at < packed.length; ) {
    const end = endOfPacked(packed, at);
    changes.push(unpackDelta(packed.subarray(at, end)));
    at = end;
  }
  return changes;
}

/** What both ends of a move must agree on before it commits. */
export type SlotSum = { readonly keys: number; readonly bytes: number; readonly digest: number };

/** Figures of a set of rows, in any order: how many, how large, and a sum of their hashes. */
export class RowSum {
  keys = 0;
  /** Bytes of keys and values. */
  bytes = 0;
  /** Sum of the xxh32 of each packed row, modulo 2^52: equal for equal rows, in whatever order they come. */
  digest = 0;

  add(row: Row): void {
    const size = packedBytes(row);
    if (size > scratch.length) scratch = Buffer.allocUnsafe(size);
    packDelta(scratch, 0, row);
    this.addPacked(scratch.subarray(0, size));
  }

  addPacked(row: Buffer): void {
    this.keys++;
    this.bytes += row.readUInt16LE(4) + row.readUInt32LE(16);
    this.digest = (this.digest + hashOf(row)) % 2 ** 52;
  }

  /** Adds a sum of other rows. */
  addSum({ keys, bytes, digest }: SlotSum): void {
    this.keys += keys;
    this.bytes += bytes;
    this.digest = (this.digest + digest) % 2 ** 52;
  }

  /** Takes a sum of rows out that it has. */
  subtractSum({ keys, bytes, digest }: SlotSum): void {
    this.keys -= keys;
    this.bytes -= bytes;
    this.digest = (this.digest - digest + 2 ** 52) % 2 ** 52;
  }

  equals(other: SlotSum): boolean {
    return this.keys === other.keys && this.bytes === other.bytes && this.digest === other.digest;
  }
}

/** Rows are packed here to be hashed. Shared by all sums: a move has one for each slot. */
let scratch = Buffer.allocUnsafe(4_096);

/** Writes one change at `at`. @returns where it ends */
export function packDelta(target: Buffer, at: number, change: RowDelta): number {
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
  target.set(key, end);
  end += key.length;
  end += target.write(contentType, end, 'latin1');
  if (row !== undefined) {
    target.set(row.value, end);
    end += row.value.length;
  }
  return end;
}

/**
 * Where the change that begins at `at` ends.
 * @throws RangeError when none does
 */
export function endOfPacked(packed: Buffer, at: number): number {
  const kind = packed[at];
  const end =
    packed.length - at < headerBytes || (kind !== kinds.row && kind !== kinds.deletion)
      ? Number.POSITIVE_INFINITY
      : at + headerBytes + packed.readUInt16LE(at + 4) + (packed[at + 1] as number) + packed.readUInt32LE(at + 16);
  if (end > packed.length) {
    throw new RangeError(`the packed rows break off or go astray at byte ${at} of ${packed.length}`);
  }
  return end;
}

/** Reads one change; its key and value are views of the packed bytes. */
export function unpackDelta(packed: Buffer): RowDelta {
  const slot = slotOfPacked(packed);
  const keyEnd = headerBytes + packed.readUInt16LE(4);
  const key = packed.subarray(headerBytes, keyEnd);
  if (packed[0] === kinds.deletion) return { slot, key };
  const typeEnd = keyEnd + (packed[1] as number);
  const version = readUInt53(packed, 8);
  const contentType = packed.toString('latin1', keyEnd, typeEnd);
  return rowOf({ slot, key, version, contentType, value: packed.subarray(typeEnd) }, readUInt53(packed, 20));
}

/** True for a row, false for a deletion. */
export function isPackedRow(packed: Buffer, at: number): boolean {
  return packed[at] === kinds.row;
}

export function cursorOfPacked(row: Buffer): Cursor {
  const { slot, key } = unpackDelta(row);
  return { slot, key };
}

export function slotOfPacked(change: Buffer): number {
  return change.readUInt16LE(2);
}
