/**
 * What a router asks a shard, as bytes. This file lays out, encodes and decodes them; it owns no socket.
 *
 * 0        4            8    9       10     12      16      32         40          42           43
 * ├ length ┼ request id ┼ op ┼ flags ┼ slot ┼ epoch ┼ op id ┼ seen lsn ┼ key bytes ┼ type bytes ┼ key, type, extras, body
 *
 * extras   what the flags say there is, and what an increment adds: see request-extras.ts.
 * body     a value, in the client's own bytes; of an atomic operation, requests; of a query, what it asks.
 */

import type { Place } from '../kv/feed.ts';
import { keyBytesMax } from '../kv/key.ts';
import { type ListQuery, listLimitMax } from '../kv/listing.ts';
import { noOpId, opIdBytes, type Resend } from '../kv/op-id.ts';
import { batchBytesMax, batchOperationsMax, type KeyOperation, type Operation } from '../kv/operation.ts';
import type { FailedOutcome } from '../kv/outcome.ts';
import { writeUInt53 } from '../kv/uint53.ts';
import { slotCount } from '../partition/slot.ts';
import { checkedUInt53, framesWithin, isWithin, WireError } from './frame.ts';
import { listQueryBytes, listQueryOf, packListQuery } from './listing-frame.ts';
import {
  type Extras,
  encodeExtras,
  extrasBytes,
  extrasBytesMax,
  extrasOf,
  fitsExtras,
  flagBits,
  flagsOf,
} from './request-extras.ts';

const headerBytes = 43;
/** An lsn, how many records of the arrival after it are known, and how many rows are wanted. */
const feedQueryBytes = 14;
const typeBytesMax = 255;

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

export const noResend: Resend = { opId: noOpId, resent: false, seenLsn: 0 };

export function requestFrameBytes(operation: Asked): number {
  switch (operation.kind) {
    case 'head':
      return headerBytes + operation.key.length;
    case 'put': {
      const { key, contentType, value } = operation;
      return headerBytes + key.length + contentType.length + extrasBytes(operation) + value.length;
    }
    case 'get':
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
    case 'head':
      return fitsKey(asked.key);
    case 'put':
      return fitsKey(asked.key) && asked.contentType.length <= typeBytesMax && fitsExtras(asked);
    case 'get':
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

/** Writes a request into `target` at `at`, which has room for `requestFrameBytes`. */
export function encodeRequest(target: Buffer, at: number, { requestId, epoch, operation, resend }: Request): void {
  target.writeUInt32LE(requestFrameBytes(operation) - 4, at);
  target.writeUInt32LE(requestId, at + 4);
  target[at + 8] = kindBytes[operation.kind];
  target[at + 9] = flagsOf(operation as Extras) | (resend.resent ? flagBits.resent : 0);
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
    case 'get':
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
    case kindBytes.get: {
      const { extras } = extrasOf(frame, typeEnd);
      return { requestId, epoch, operation: { kind: 'get', slot, key, ...extras }, resend: noResend };
    }
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
