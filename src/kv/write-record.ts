/**
 * The record that the ledger keeps of each write: its op id, where it happened and its outcome. It answers a resend,
 * and the feed of changes is read from it. This file packs records for the ledger, little-endian. Pure.
 *
 *   0        16     18      20     21        29          31       (31)                  (39)
 *   ├ op id ─┼ slot ┼ shard ┼ kind ┼ version ┼ key bytes ┤ [number ┤ [fingerprint, named at] ┤ key
 *
 * `number` is there when the kind says `counted`, `fingerprint` and `named at` (8 bytes each) when the write
 * had an idempotency key (flag 0x80).
 */

import { fingerprintBytes, type IdempotencyKey } from './idempotency-key.ts';
import { keyBytesMax } from './key.ts';
import { type OpId, opIdBytes } from './op-id.ts';
import type { WriteOutcome } from './outcome.ts';
import { readUInt53, writeUInt53 } from './uint53.ts';

export type WriteRecord = {
  readonly opId: OpId;
  readonly slot: number;
  /** The shard that executed the write. */
  readonly shard: number;
  readonly key: Buffer;
  readonly outcome: WriteOutcome | { readonly kind: 'expired'; readonly version: number };
  /** The fingerprint of a write with an idempotency key, and when it was first applied (Unix milliseconds). */
  readonly idempotency?: Pick<IdempotencyKey, 'fingerprint'> & { readonly atMs: number };
};

const headBytes = opIdBytes + 15;
const slotAt = opIdBytes;
const kindAt = opIdBytes + 4;
const versionAt = opIdBytes + 5;
const keyBytesAt = opIdBytes + 13;
const numberBytes = 8;
const idempotencyBytes = fingerprintBytes + 8;

const outcomeKinds = ['created', 'replaced', 'deleted', 'counted', 'expired'] as const;
const countedKind = outcomeKinds.indexOf('counted');
const idempotencyFlag = 0x80;

export function packRecords(records: readonly WriteRecord[]): Buffer {
  const packed = Buffer.allocUnsafe(records.reduce((sum, record) => sum + packedBytes(record), 0));
  let at = 0;
  for (const record of records) at = packRecord(packed, at, record);
  return packed;
}

/** @throws RangeError when the bytes were not packed by `packRecords` */
export function unpackRecords(packed: Buffer): WriteRecord[] {
  const records: WriteRecord[] = [];
  for (let at = 0; at < packed.length; ) {
    const end = endOfRecord(packed, at);
    records.push(recordAt(packed, at, end));
    at = end;
  }
  return records;
}

/** The first of the packed records with this op id. */
export function findRecord(packed: Buffer, opId: OpId): WriteRecord | undefined {
  for (let at = 0; at < packed.length; ) {
    const end = endOfRecord(packed, at);
    if (packed.compare(opId, 0, opIdBytes, at, at + opIdBytes) === 0) return recordAt(packed, at, end);
    at = end;
  }
  return undefined;
}

/**
 * Moves carry no records older than this many writes, and no resend asks for them: slots that move to and fro would
 * otherwise carry every record for ever.
 */
export const recordWindowLsn = 2 ** 18;

/**
 * Adds to `found` those of the packed records that are of these slots and above this lsn, each still packed: one that
 * has come back with its slot is there once. `slots` has a 1 for each slot wanted.
 */
export function selectRecords(
  packed: Buffer,
  wanted: { readonly slots: Uint8Array; readonly aboveLsn: number },
  found: Map<string, Buffer>,
): void {
  for (let at = 0; at < packed.length; ) {
    const end = endOfRecord(packed, at);
    if (wanted.slots[packed.readUInt16LE(at + slotAt)] === 1 && readUInt53(packed, at + versionAt) > wanted.aboveLsn) {
      // By op id, shard and version: an expiry has no op id, and versions of two shards may be equal.
      found.set(packed.toString('latin1', at, at + keyBytesAt), packed.subarray(at, end));
    }
    at = end;
  }
}

/** The most that one record takes, in bytes. */
export const recordBytesMax = headBytes + numberBytes + idempotencyBytes + keyBytesMax;

export const allRecords = { records: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

/**
 * Measures the first of the packed records: so many that they reach either bound, or all.
 * @returns how many these are, and how many bytes
 */
export function measureRecords(
  packed: Buffer,
  until: { readonly records: number; readonly bytes: number },
): { readonly records: number; readonly bytes: number } {
  let [records, at] = [0, 0];
  while (at < packed.length && records < until.records && at < until.bytes) {
    at = endOfRecord(packed, at);
    records++;
  }
  return { records, bytes: at };
}

export function versionOfPacked(record: Buffer): number {
  return readUInt53(record, versionAt);
}

function packedBytes({ key, outcome, idempotency }: WriteRecord): number {
  return headBytes + (outcome.kind === 'counted' ? numberBytes : 0) + (idempotency ? idempotencyBytes : 0) + key.length;
}

function packRecord(
  packed: Buffer,
  start: number,
  { opId, slot, shard, key, outcome, idempotency }: WriteRecord,
): number {
  opId.copy(packed, start);
  packed.writeUInt16LE(slot, start + slotAt);
  packed.writeUInt16LE(shard, start + slotAt + 2);
  packed[start + kindAt] = outcomeKinds.indexOf(outcome.kind) | (idempotency ? idempotencyFlag : 0);
  writeUInt53(packed, outcome.version, start + versionAt);
  packed.writeUInt16LE(key.length, start + keyBytesAt);
  let at = start + headBytes;
  if (outcome.kind === 'counted') at = packed.writeBigInt64LE(outcome.number, at);
  if (idempotency !== undefined) {
    at += idempotency.fingerprint.copy(packed, at);
    at = writeUInt53(packed, idempotency.atMs, at);
  }
  return at + key.copy(packed, at);
}

/** @throws RangeError */
function endOfRecord(packed: Buffer, at: number): number {
  if (packed.length - at < headBytes) throw new RangeError(`a record breaks off at byte ${at} of ${packed.length}`);
  const kind = packed[at + kindAt] as number;
  const isCounted = (kind & ~idempotencyFlag) === countedKind;
  const isNamed = (kind & idempotencyFlag) !== 0;
  const keyBytes = packed.readUInt16LE(at + keyBytesAt);
  const end = at + headBytes + (isCounted ? numberBytes : 0) + (isNamed ? idempotencyBytes : 0) + keyBytes;
  if (end > packed.length) throw new RangeError(`a record breaks off at byte ${at} of ${packed.length}`);
  return end;
}

function recordAt(packed: Buffer, start: number, end: number): WriteRecord {
  const kindByte = packed[start + kindAt] as number;
  const kind = outcomeKinds[kindByte & ~idempotencyFlag];
  if (kind === undefined) throw new RangeError(`there is no outcome ${kindByte} in a ledger`);
  const version = readUInt53(packed, start + versionAt);
  const opId = packed.subarray(start, start + opIdBytes);
  const [slot, shard] = [packed.readUInt16LE(start + slotAt), packed.readUInt16LE(start + slotAt + 2)];
  let at = start + headBytes;
  const outcome = kind === 'counted' ? { kind, version, number: packed.readBigInt64LE(at) } : { kind, version };
  if (kind === 'counted') at += numberBytes;
  if ((kindByte & idempotencyFlag) === 0) return { opId, slot, shard, key: packed.subarray(at, end), outcome };
  const fingerprint = packed.subarray(at, at + fingerprintBytes);
  const atMs = readUInt53(packed, at + fingerprintBytes);
  return {
    opId,
    slot,
    shard,
    key: packed.subarray(at + idempotencyBytes, end),
    outcome,
    idempotency: { fingerprint, atMs },
  };
}

/** Those of the packed records that have an idempotency key, each still packed. */
export function recordsWithIdempotencyKey(packed: Buffer): { readonly record: WriteRecord; readonly packed: Buffer }[] {
  const keyed: { readonly record: WriteRecord; readonly packed: Buffer }[] = [];
  for (let at = 0; at < packed.length; ) {
    const end = endOfRecord(packed, at);
    if (((packed[at + kindAt] as number) & idempotencyFlag) !== 0) {
      keyed.push({ record: recordAt(packed, at, end), packed: packed.subarray(at, end) });
    }
    at = end;
  }
  return keyed;
}
