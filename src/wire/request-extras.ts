/**
 * What a request may carry besides its key, type and value: when a value expires, a client's name for the write, a
 * condition, and which part of a value is wanted. The flags of the request say which of these are there.
 *
 * by, of an increment ┼ expires at, or the ttl in ms ┼ fingerprint of an idempotency key ┼ range ┼ condition
 *
 * range      from (signed), at most how many bytes (4 bytes each), and the version or 0
 * condition  two counts (1 byte each: how many versions, 0xff for `*`, 0xfe for none), and the versions
 *
 * All else has 8 bytes.
 */

import { type Condition, conditionVersionsMax, type Versions } from '../kv/condition.ts';
import { fingerprintBytes, type IdempotencyKey } from '../kv/idempotency-key.ts';
import { opIdBytes } from '../kv/op-id.ts';
import { lifetimeMsMax } from '../kv/operation.ts';
import { writeUInt53 } from '../kv/uint53.ts';
import { type RangeWanted, rangeBytesMax } from '../kv/value-part.ts';
import { checkedUInt53, isWithin, WireError } from './frame.ts';

export const flagBits = { resent: 1, expiry: 2, idempotencyKey: 4, condition: 8, ttl: 16, range: 32 } as const;
const everyVersion = 0xff;
const noVersions = 0xfe;
const rangeBytes = 16;

/** Of any one request. */
export const extrasBytesMax = 4 * 8 + 2 + 2 * 8 * conditionVersionsMax;

export type Extras = {
  readonly by?: bigint;
  readonly expiresAtMs?: number;
  readonly ttlMs?: number;
  readonly idempotencyKey?: IdempotencyKey;
  readonly range?: RangeWanted;
  readonly condition?: Condition;
};

export function flagsOf({ expiresAtMs, ttlMs, idempotencyKey, range, condition }: Extras): number {
  return (
    (ttlMs === undefined ? 0 : flagBits.ttl) |
    (expiresAtMs === undefined ? 0 : flagBits.expiry) |
    (idempotencyKey === undefined ? 0 : flagBits.idempotencyKey) |
    (range === undefined ? 0 : flagBits.range) |
    (condition === undefined ? 0 : flagBits.condition)
  );
}

export function extrasBytes({ by, expiresAtMs, ttlMs, idempotencyKey, range, condition }: Extras): number {
  let bytes = by === undefined ? 0 : 8;
  if (expiresAtMs !== undefined) bytes += 8;
  if (ttlMs !== undefined) bytes += 8;
  if (idempotencyKey !== undefined) bytes += fingerprintBytes;
  if (range !== undefined) bytes += rangeBytes;
  if (condition === undefined) return bytes;
  return bytes + 2 + 8 * (versionsIn(condition.ifMatch) + versionsIn(condition.ifNoneMatch));
}

function versionsIn(versions: Versions | undefined): number {
  return versions === undefined || versions === '*' ? 0 : versions.length;
}

/** Returns where they end. */
export function encodeExtras(
  target: Buffer,
  start: number,
  { by, expiresAtMs, ttlMs, idempotencyKey, range, condition }: Extras,
): number {
  let at = start;
  if (by !== undefined) at = target.writeBigInt64LE(by, at);
  if (expiresAtMs !== undefined) at = writeUInt53(target, expiresAtMs, at);
  if (ttlMs !== undefined) at = writeUInt53(target, ttlMs, at);
  if (idempotencyKey !== undefined) at += idempotencyKey.fingerprint.copy(target, at);
  if (range !== undefined) {
    at = target.writeInt32LE(range.from, at);
    at = target.writeUInt32LE(range.bytesMax, at);
    at = writeUInt53(target, range.version ?? 0, at);
  }
  if (condition === undefined) return at;
  const lists = [condition.ifMatch, condition.ifNoneMatch];
  for (const versions of lists) {
    target[at++] = versions === undefined ? noVersions : versions === '*' ? everyVersion : versions.length;
  }
  for (const versions of lists) {
    if (versions === undefined || versions === '*') continue;
    for (const version of versions) at = writeUInt53(target, version, at);
  }
  return at;
}

/**
 * What the flags say is there from `start` on, which is behind what an increment adds.
 * @throws WireError
 */
export function extrasOf(frame: Buffer, start: number): { readonly end: number; readonly extras: Omit<Extras, 'by'> } {
  const flags = frame[9] as number;
  if ((flags & ~flagBits.resent) === 0) return { end: start, extras: {} };
  let at = start;
  const take = (bytes: number): number => {
    const began = at;
    at += bytes;
    if (at > frame.length) throw new WireError('a request breaks off in what comes before its value');
    return began;
  };
  const time = (flags & flagBits.expiry) === 0 ? {} : { expiresAtMs: checkedUInt53(frame, take(8)) };
  const expiry = (flags & flagBits.ttl) === 0 ? time : { ...time, ttlMs: checkedUInt53(frame, take(8)) };
  const name = (flags & flagBits.idempotencyKey) === 0 ? {} : nameOf(frame, take(fingerprintBytes));
  const range = (flags & flagBits.range) === 0 ? {} : { range: rangeOf(frame, take(rangeBytes)) };
  if ((flags & flagBits.condition) === 0) return { end: at, extras: { ...expiry, ...name, ...range } };
  const counts = take(2);
  const list = (count: number): Versions | undefined => {
    if (count === noVersions) return undefined;
    if (count === everyVersion) return '*';
    if (count > conditionVersionsMax) throw new WireError(`a condition names ${count} versions`);
    return Array.from({ length: count }, () => checkedUInt53(frame, take(8)));
  };
  const ifMatch = list(frame[counts] as number);
  const ifNoneMatch = list(frame[counts + 1] as number);
  const condition = { ...(ifMatch !== undefined && { ifMatch }), ...(ifNoneMatch !== undefined && { ifNoneMatch }) };
  return { end: at, extras: { ...expiry, ...name, ...range, condition } };
}

function nameOf(frame: Buffer, at: number): { readonly idempotencyKey: IdempotencyKey } {
  const opId = frame.subarray(16, 16 + opIdBytes);
  return { idempotencyKey: { opId, fingerprint: frame.subarray(at, at + fingerprintBytes) } };
}

/** @throws WireError */
function rangeOf(frame: Buffer, at: number): RangeWanted {
  const version = checkedUInt53(frame, at + 8);
  const range = { from: frame.readInt32LE(at), bytesMax: frame.readUInt32LE(at + 4) };
  if (!fitsRange(range)) throw new WireError('a range begins or ends where no value does');
  return version === 0 ? range : { ...range, version };
}

/** Whether everything has its place. */
export function fitsExtras({ expiresAtMs = 0, ttlMs = 0, idempotencyKey, range, condition }: Extras): boolean {
  if (!isWithin(expiresAtMs, Number.MAX_SAFE_INTEGER) || !isWithin(ttlMs, lifetimeMsMax)) return false;
  if (idempotencyKey !== undefined && idempotencyKey.fingerprint.length !== fingerprintBytes) return false;
  if (range !== undefined && !fitsRange(range)) return false;
  return condition === undefined || (fitsVersions(condition.ifMatch) && fitsVersions(condition.ifNoneMatch));
}

function fitsRange({ from, bytesMax, version = 0 }: RangeWanted): boolean {
  const isWithinBytes = isWithin(Math.abs(from), rangeBytesMax) && isWithin(bytesMax, rangeBytesMax);
  return isWithinBytes && isWithin(version, Number.MAX_SAFE_INTEGER);
}

function fitsVersions(versions: Versions | undefined): boolean {
  if (versions === undefined || versions === '*') return true;
  return versions.length <= conditionVersionsMax && versions.every((one) => isWithin(one, Number.MAX_SAFE_INTEGER));
}
