/**
 * A query for a listing and its answer, as they lie within request and answer frames.
 *
 * query    0       2       3              5             7                 9
 *          ├ limit ┼ flags ┼ prefix bytes ┼ after bytes ┼ delimiter bytes ┼ prefix, after, delimiter
 *
 * listing  0            1            3
 *          ├ next kind ┼ next bytes ┼ next, then each entry:
 *
 * entry    0      1            2           4         12           20            24
 *          ├ kind ┼ type bytes ┼ key bytes ┼ version ┼ expires at ┼ value bytes ┼ key, type, value if asked for
 */

import type { ListEntry, Listing, ListPosition, ListQuery } from '../kv/listing.ts';
import { expiryOf } from '../kv/outcome.ts';
import { writeUInt53 } from '../kv/uint53.ts';
import { checkedUInt53, WireError } from './frame.ts';

const queryHeadBytes = 9;
const listingHeadBytes = 3;
const entryHeadBytes = 24;
const queryFlags = { values: 1, afterKey: 2, afterPrefix: 4, delimiter: 8, reverse: 16 } as const;
const positionKinds = { none: 0, key: 1, prefix: 2 } as const;
const entryKinds = { key: 1, prefix: 2, keyWithValue: 3 } as const;

export function listQueryBytes({ prefix, after, delimiter }: ListQuery): number {
  return queryHeadBytes + prefix.length + (after?.bytes.length ?? 0) + (delimiter?.length ?? 0);
}

export function packListQuery(
  target: Buffer,
  at: number,
  { prefix, after, delimiter, limit, values, reverse }: ListQuery,
): void {
  target.writeUInt16LE(limit, at);
  target[at + 2] =
    (values ? queryFlags.values : 0) |
    (after?.kind === 'key' ? queryFlags.afterKey : 0) |
    (after?.kind === 'prefix' ? queryFlags.afterPrefix : 0) |
    (delimiter === undefined ? 0 : queryFlags.delimiter) |
    (reverse ? queryFlags.reverse : 0);
  target.writeUInt16LE(prefix.length, at + 3);
  target.writeUInt16LE(after?.bytes.length ?? 0, at + 5);
  target.writeUInt16LE(delimiter?.length ?? 0, at + 7);
  let end = at + queryHeadBytes;
  end += prefix.copy(target, end);
  end += after?.bytes.copy(target, end) ?? 0;
  delimiter?.copy(target, end);
}

/** @throws WireError */
export function listQueryOf(packed: Buffer): ListQuery {
  if (packed.length < queryHeadBytes) throw new WireError('a query for a listing breaks off');
  const flags = packed[2] as number;
  const prefixEnd = queryHeadBytes + packed.readUInt16LE(3);
  const afterEnd = prefixEnd + packed.readUInt16LE(5);
  const delimiterEnd = afterEnd + packed.readUInt16LE(7);
  if (delimiterEnd !== packed.length) throw new WireError('a query for a listing has a wrong length');
  const afterKind = (flags & queryFlags.afterKey) !== 0 ? 'key' : 'prefix';
  const hasAfter = (flags & (queryFlags.afterKey | queryFlags.afterPrefix)) !== 0;
  return {
    limit: packed.readUInt16LE(0),
    values: (flags & queryFlags.values) !== 0,
    reverse: (flags & queryFlags.reverse) !== 0,
    prefix: packed.subarray(queryHeadBytes, prefixEnd),
    after: hasAfter ? { kind: afterKind, bytes: packed.subarray(prefixEnd, afterEnd) } : undefined,
    delimiter: (flags & queryFlags.delimiter) !== 0 ? packed.subarray(afterEnd, delimiterEnd) : undefined,
  };
}

export function listingBytes({ entries, next }: Listing): number {
  return entries.reduce((sum, entry) => sum + entryBytes(entry), listingHeadBytes + (next?.bytes.length ?? 0));
}

export function packListing(target: Buffer, start: number, { entries, next }: Listing): void {
  target[start] = positionKinds[next?.kind ?? 'none'];
  target.writeUInt16LE(next?.bytes.length ?? 0, start + 1);
  let at = start + listingHeadBytes;
  at += next?.bytes.copy(target, at) ?? 0;
  for (const entry of entries) at = packEntry(target, at, entry);
}

/** @throws WireError */
export function listingOf(packed: Buffer): Listing {
  if (packed.length < listingHeadBytes) throw new WireError('a listing breaks off');
  let at = listingHeadBytes + packed.readUInt16LE(1);
  if (at > packed.length) throw new WireError('a listing breaks off');
  const next = nextOf(packed[0] as number, packed.subarray(listingHeadBytes, at));
  const entries: ListEntry[] = [];
  while (at < packed.length) {
    if (packed.length - at < entryHeadBytes) throw new WireError('a listing breaks off');
    const kind = packed[at] as number;
    const valueBytes = packed.readUInt32LE(at + 20);
    const keyEnd = at + entryHeadBytes + packed.readUInt16LE(at + 2);
    const typeEnd = keyEnd + (packed[at + 1] as number);
    const end = typeEnd + (kind === entryKinds.keyWithValue ? valueBytes : 0);
    if (end > packed.length) throw new WireError('a listing breaks off');
    const key = packed.subarray(at + entryHeadBytes, keyEnd);
    if (kind === entryKinds.prefix) entries.push({ kind: 'prefix', key });
    else {
      const version = checkedUInt53(packed, at + 4);
      const expiresAtMs = checkedUInt53(packed, at + 12);
      const contentType = packed.toString('latin1', keyEnd, typeEnd);
      const entry = { kind: 'key', key, version, contentType, valueBytes } as const;
      const value = kind === entryKinds.keyWithValue ? packed.subarray(typeEnd, end) : undefined;
      // Most entries have neither expiry nor value, and there are many: they are not copied.
      if (value === undefined && expiresAtMs === 0) entries.push(entry);
      else entries.push({ ...entry, ...expiryOf(expiresAtMs), ...(value && { value }) });
    }
    at = end;
  }
  return { kind: 'listing', entries, next };
}

function nextOf(kind: number, bytes: Buffer): ListPosition | undefined {
  if (kind === positionKinds.none) return undefined;
  return { kind: kind === positionKinds.key ? 'key' : 'prefix', bytes };
}

function entryBytes(entry: ListEntry): number {
  const key = entryHeadBytes + entry.key.length;
  return entry.kind === 'prefix' ? key : key + entry.contentType.length + (entry.value?.length ?? 0);
}

function packEntry(target: Buffer, at: number, entry: ListEntry): number {
  const isKey = entry.kind === 'key';
  target[at] = isKey && entry.value !== undefined ? entryKinds.keyWithValue : entryKinds[entry.kind];
  target[at + 1] = isKey ? entry.contentType.length : 0;
  target.writeUInt16LE(entry.key.length, at + 2);
  writeUInt53(target, isKey ? entry.version : 0, at + 4);
  writeUInt53(target, isKey ? (entry.expiresAtMs ?? 0) : 0, at + 12);
  target.writeUInt32LE(isKey ? entry.valueBytes : 0, at + 20);
  let end = at + entryHeadBytes;
  end += entry.key.copy(target, end);
  if (!isKey) return end;
  end += target.write(entry.contentType, end, 'latin1');
  return end + (entry.value?.copy(target, end) ?? 0);
}
