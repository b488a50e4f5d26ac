/**
 * What a router asks a shard, as bytes. This file lays out, encodes and decodes them; it owns no socket.
 *
 * 0        4            8    9       10     12      16      32         40          42           43
 * ├ length ┼ request id ┼ op ┼ flags ┼ slot ┼ epoch ┼ op id ┼ seen lsn ┼ key bytes ┼ type bytes ┼ key, type, extras, body
 *
 * extras   `by` of an increment, then what the flags say: expires at, or the ttl in ms; the fingerprint of an idempotency key (8 bytes
 *          each), and a condition: two counts (1 byte each: how many versions, 0xff for `*`, 0xfe for none), and the
 *          versions.
 * body     a value, in the client's own bytes; of an atomic operation, requests; of a query, what it asks.
 */

import { type Condition, conditionVersionsMax, type Versions } from '../kv/condition.ts';
import type { Place } from '../kv/feed.ts';
import { fingerprintBytes, type IdempotencyKey } from '../kv/idempotency-key.ts';
import { keyBytesMax } from '../kv/key.ts';
import { type ListQuery, listLimitMax } from '../kv/listing.ts';
import { noOpId, opIdBytes, type Resend } from '../kv/op-id.ts';
import {
  batchBytesMax,
  batchOperationsMax,
  type KeyOperation,
  lifetimeMsMax,
  type Operation,
} from '../kv/operation.ts';
import type { FailedOutcome } from '../kv/outcome.ts';
import { writeUInt53 } from '../kv/uint53.ts';
import { slotCount } from '../partition/slot.ts';
import { checkedUInt53, framesWithin, WireError } from './frame.ts';
import { listQueryBytes, listQueryOf, packListQuery } from './listing-frame.ts';

const headerBytes = 43;
/** An lsn, how many records of the arrival after it are known, and how many rows are wanted. */
const feedQueryBytes = 14;
const typeBytesMax = 255;
const extrasBytesMax = 4 * 8 + 2 + 2 * 8 * conditionVersionsMax;

/** The largest frame there can be, of a request or an answer, when values have at most `valueBytesMax` bytes. */
export function frameBytesMaxOf(valueBytesMax: number): number {
  const besidesValue = headerBytes + keyBytesMax + typeBytesMax + extrasBytesMax;
  return batchOperationsMax * besidesValue + Math.max(valueBytesMax, batchBytesMax);
}

/** A query for a shard as a whole: it concerns no single slot and writes nothing. */
export type ShardQuery =
  /** Answered by a shard that has the ring of this epoch, and serves all its slots. */
  | { readonly kind: 'list'; readonly slot: 0; readonly epoch: number; readonly query: ListQuery }
  | { readonly kind: 'feed'; readonly slot: 0; readonly after: Place; readonly rowsMax: number };

export type Asked = Operation | ShardQuery;

export function isQuery(asked: Asked): asked is ShardQuery {
  return asked.kind === 'list' || asked.kind === 'feed';
}

export type Request = {
  readonly requestId: number;
  /** The epoch of the ring by which the router chose this shard. */
  readonly epoch: number;
  readonly operation: Asked;
  readonly resend: Resend;
};

const kindBytes = { get: 1, head: 2, put: 3, delete: 4, increment: 5, atomic: 6, list: 7, feed: 8, touch: 9 } as const;
const flagBits = { resent: 1, expiry: 2, idempotencyKey: 4, condition: 8, ttl: 16 } as const;
const everyVersion = 0xff;
const noVersions = 0xfe;

export const noResend: Resend = { opId: noOpId, resent: false, seenLsn: 0 };

export function requestFrameBytes(operation: Asked): number {
  switch (operation.kind) {
    case 'get':
    case 'head':
      return headerBytes + operation.key.length;
    case 'put': {
      const { key, contentType, value } = operation;
      return headerBytes + key.length + contentType.length + extrasBytes(operation) + value.length;
    }
    case 'touch':
    case 'delete':
    case 'increment':
      return headerBytes + operation.key.length + extrasBytes(operation);
    case 'atomic':
      return headerBytes + operation.operations.reduce((sum, one) => sum + requestFrameBytes(one), 0);
    case 'list':
      return headerBytes + listQueryBytes(operation.query);
    case 'feed':
      return headerBytes + feedQueryBytes;
  }
}

/**
 * What a request is answered that has no place in a frame: undefined for what `encodeRequest` can write and `requestOf`
 * can read. Routes refuse such requests by name. This holds where one does not, because what the shard cannot read
 * costs the connection, and with it every other request on it.
 */
export function frameRefusalOf(asked: Asked, frameBytes: number, frameBytesMax: number): FailedOutcome | undefined {
  if (frameBytes > frameBytesMax) {
    const detail = `The request takes ${frameBytes} bytes on its way to its shard, of which there are ${frameBytesMax}.`;
    return { kind: 'failed', code: 'batch-too-large', detail };
  }
  if (fits(asked)) return undefined;
  const detail = 'A number or a text of the request is larger than any that can be stored.';
  return { kind: 'failed', code: 'parameter-invalid', detail };
}

function fits(asked: Asked): boolean {
  if (!isWithin(asked.slot, slotCount - 1)) return false;
  switch (asked.kind) {
    case 'get':
    case 'head':
      return fitsKey(asked.key);
    case 'put':
      return fitsKey(asked.key) && asked.contentType.length <= typeBytesMax && fitsExtras(asked);
    case 'touch':
    case 'delete':
      return fitsKey(asked.key) && fitsExtras(asked);
    case 'increment':
      return fitsKey(asked.key) && asked.by === BigInt.asIntN(64, asked.by) && fitsExtras(asked);
    case 'atomic':
      return asked.operations.every((one) => one.slot === asked.slot && fits(one));
    case 'list': {
      const { limit, prefix, after, delimiter } = asked.query;
      const lengths = [prefix.length, after?.bytes.length ?? 0, delimiter?.length ?? 0];
      return (
        isWithin(asked.epoch, 0xffffffff) && isWithin(limit, listLimitMax) && lengths.every((one) => one <= 0xffff)
      );
    }
    case 'feed': {
      const { lsn, carried } = asked.after;
      return isWithin(lsn, Number.MAX_SAFE_INTEGER) && isWithin(carried, 0xffffffff) && isWithin(asked.rowsMax, 0xffff);
    }
  }
}

function fitsKey({ length }: Buffer): boolean {
  return length >= 1 && length <= keyBytesMax;
}

function fitsExtras({ expiresAtMs = 0, ttlMs = 0, idempotencyKey, condition }: Extras): boolean {
  if (!isWithin(expiresAtMs, Number.MAX_SAFE_INTEGER) || !isWithin(ttlMs, lifetimeMsMax)) return false;
  if (idempotencyKey !== undefined && idempotencyKey.fingerprint.length !== fingerprintBytes) return false;
  return condition === undefined || (fitsVersions(condition.ifMatch) && fitsVersions(condition.ifNoneMatch));
}

function fitsVersions(versions: Versions | undefined): boolean {
  if (versions === undefined || versions === '*') return true;
  return versions.length <= conditionVersionsMax && versions.every((one) => isWithin(one, Number.MAX_SAFE_INTEGER));
}

function isWithin(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

/** Writes a request into `target` at `at`, which has room for `requestFrameBytes`. */
export function encodeRequest(target: Buffer, at: number, { requestId, epoch, operation, resend }: Request): void {
  target.writeUInt32LE(requestFrameBytes(operation) - 4, at);
  target.writeUInt32LE(requestId, at + 4);
  target[at + 8] = kindBytes[operation.kind];
  target[at + 9] = flagsOf(operation) | (resend.resent ? flagBits.resent : 0);
  target.writeUInt16LE(operation.slot, at + 10);
  target.writeUInt32LE(epoch, at + 12);
  resend.opId.copy(target, at + 16);
  writeUInt53(target, resend.seenLsn, at + 32);
  const key = 'key' in operation ? operation.key : undefined;
  const contentType = operation.kind === 'put' ? operation.contentType : '';
  target.writeUInt16LE(key?.length ?? 0, at + 40);
  target[at + 42] = contentType.length;
  let end = at + headerBytes;
  if (key !== undefined) end += key.copy(target, end);
  switch (operation.kind) {
    case 'put':
      end += target.write(contentType, end, 'latin1');
      operation.value.copy(target, encodeExtras(target, end, operation));
      return;
    case 'touch':
    case 'delete':
    case 'increment':
      encodeExtras(target, end, operation);
      return;
    case 'atomic':
      for (const [index, one] of operation.operations.entries()) {
        const opId = ('idempotencyKey' in one && one.idempotencyKey?.opId) || noOpId;
        encodeRequest(target, end, { requestId: index, epoch, operation: one, resend: { ...noResend, opId } });
        end += requestFrameBytes(one);
      }
      return;
    case 'list':
      target.writeUInt32LE(operation.epoch, at + 12);
      packListQuery(target, end, operation.query);
      return;
    case 'feed':
      writeUInt53(target, operation.after.lsn, end);
      target.writeUInt32LE(operation.after.carried, end + 8);
      target.writeUInt16LE(operation.rowsMax, end + 12);
  }
}

/** @throws WireError */
export function requestOf(frame: Buffer): Request {
  if (frame.length < headerBytes) throw new WireError(`a request of ${frame.length} bytes is too short`);
  const keyEnd = headerBytes + frame.readUInt16LE(40);
  const typeEnd = keyEnd + (frame[42] as number);
  if (typeEnd > frame.length) throw new WireError('a request is shorter than its key and type');
  const slot = frame.readUInt16LE(10);
  if (slot >= slotCount) throw new WireError(`there is no slot ${slot}`);
  const key = frame.subarray(headerBytes, keyEnd);
  const requestId = frame.readUInt32LE(4);
  const epoch = frame.readUInt32LE(12);
  const body = frame.subarray(headerBytes);
  const kind = frame[8];
  if (kind === kindBytes.list) {
    const operation = { kind: 'list', slot: 0, epoch, query: listQueryOf(body) } as const;
    if (operation.query.limit > listLimitMax) throw new WireError('a listing is asked for too many entries');
    return { requestId, epoch, operation, resend: noResend };
  }
  if (kind === kindBytes.feed) {
    if (body.length !== feedQueryBytes) {
      throw new WireError(`a query for the feed has ${feedQueryBytes} bytes, not ${body.length}`);
    }
    const operation = {
      kind: 'feed',
      slot: 0,
      after: { lsn: checkedUInt53(body, 0), carried: body.readUInt32LE(8) },
      rowsMax: body.readUInt16LE(12),
    } as const;
    return { requestId, epoch, operation, resend: noResend };
  }
  if (kind === kindBytes.atomic) {
    const operations = framesWithin(body).map((one) => requestOf(one).operation as KeyOperation);
    if (operations.some((one) => one.slot !== slot || !('key' in one))) {
      throw new WireError('an atomic operation is of keys of one slot');
    }
    return { requestId, epoch, operation: { kind: 'atomic', slot, operations }, resend: resendOf(frame) };
  }
  if (key.length === 0 || key.length > keyBytesMax) throw new WireError(`a key cannot have ${key.length} bytes`);
  switch (kind) {
    case kindBytes.get:
      return { requestId, epoch, operation: { kind: 'get', slot, key }, resend: noResend };
    case kindBytes.head:
      return { requestId, epoch, operation: { kind: 'head', slot, key }, resend: noResend };
    case kindBytes.put: {
      const { end, extras } = extrasOf(frame, typeEnd);
      const contentType = frame.toString('latin1', keyEnd, typeEnd);
      const operation = { kind: 'put', slot, key, contentType, value: frame.subarray(end), ...extras } as const;
      return { requestId, epoch, operation, resend: resendOf(frame) };
    }
    case kindBytes.touch:
    case kindBytes.delete: {
      const { extras } = extrasOf(frame, typeEnd);
      const name = kind === kindBytes.touch ? 'touch' : 'delete';
      return { requestId, epoch, operation: { kind: name, slot, key, ...extras }, resend: resendOf(frame) };
    }
    case kindBytes.increment: {
      if (typeEnd + 8 > frame.length) throw new WireError('an increment breaks off');
      const { extras } = extrasOf(frame, typeEnd + 8);
      const by = frame.readBigInt64LE(typeEnd);
      return { requestId, epoch, operation: { kind: 'increment', slot, key, by, ...extras }, resend: resendOf(frame) };
    }
    default:
      throw new WireError(`there is no operation ${kind}`);
  }
}

function resendOf(frame: Buffer): Resend {
  return {
    opId: frame.subarray(16, 16 + opIdBytes),
    resent: ((frame[9] as number) & flagBits.resent) !== 0,
    seenLsn: checkedUInt53(frame, 32),
  };
}

type Extras = {
  readonly kind: string;
  readonly by?: bigint;
  readonly expiresAtMs?: number;
  readonly ttlMs?: number;
  readonly idempotencyKey?: IdempotencyKey;
  readonly condition?: Condition;
};

function flagsOf(operation: Asked): number {
  const { expiresAtMs, ttlMs, idempotencyKey, condition } = operation as Extras;
  return (
    (ttlMs === undefined ? 0 : flagBits.ttl) |
    (expiresAtMs === undefined ? 0 : flagBits.expiry) |
    (idempotencyKey === undefined ? 0 : flagBits.idempotencyKey) |
    (condition === undefined ? 0 : flagBits.condition)
  );
}

function extrasBytes({ by, expiresAtMs, ttlMs, idempotencyKey, condition }: Extras): number {
  let bytes = by === undefined ? 0 : 8;
  if (expiresAtMs !== undefined) bytes += 8;
  if (ttlMs !== undefined) bytes += 8;
  if (idempotencyKey !== undefined) bytes += fingerprintBytes;
  if (condition === undefined) return bytes;
  return bytes + 2 + 8 * (versionsIn(condition.ifMatch) + versionsIn(condition.ifNoneMatch));
}

function versionsIn(versions: Versions | undefined): number {
  return versions === undefined || versions === '*' ? 0 : versions.length;
}

/** Returns where they end. */
function encodeExtras(
  target: Buffer,
  start: number,
  { by, expiresAtMs, ttlMs, idempotencyKey, condition }: Extras,
): number {
  let at = start;
  if (by !== undefined) at = target.writeBigInt64LE(by, at);
  if (expiresAtMs !== undefined) at = writeUInt53(target, expiresAtMs, at);
  if (ttlMs !== undefined) at = writeUInt53(target, ttlMs, at);
  if (idempotencyKey !== undefined) at += idempotencyKey.fingerprint.copy(target, at);
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

type ExtrasFound = Pick<Extras, 'expiresAtMs' | 'ttlMs' | 'idempotencyKey' | 'condition'>;

/** @throws WireError */
function extrasOf(frame: Buffer, start: number): { readonly end: number; readonly extras: ExtrasFound } {
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
  let name: { idempotencyKey?: IdempotencyKey } = {};
  if ((flags & flagBits.idempotencyKey) !== 0) {
    const began = take(fingerprintBytes);
    name = {
      idempotencyKey: {
        opId: frame.subarray(16, 16 + opIdBytes),
        fingerprint: frame.subarray(began, began + fingerprintBytes),
      },
    };
  }
  if ((flags & flagBits.condition) === 0) return { end: at, extras: { ...expiry, ...name } };
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
  return { end: at, extras: { ...expiry, ...name, condition } };
}
