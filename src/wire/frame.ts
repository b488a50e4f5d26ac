/**
 * The bytes between a router and a shard: length-prefixed frames, little-endian. This file lays out,
 * encodes and decodes them; it owns no socket. Both ends are of one build, and the hello says so.
 *
 * request  0        4            8    9       10     12      16      32         40          42           43
 *          ├ length ┼ request id ┼ op ┼ flags ┼ slot ┼ epoch ┼ op id ┼ seen lsn ┼ key bytes ┼ type bytes ┼ key, type, value
 *
 * answer   0        4            8         9            10       14     16        24            28
 *          ├ length ┼ request id ┼ outcome ┼ type bytes ┼ reason ┼ zero ┼ version ┼ value bytes ┼ type, value
 *
 * `length` counts what follows it. A value runs to the end of its frame, in the client's own bytes.
 */

import { type ErrorCode, errorTable } from '../kv/errors.ts';
import { keyBytesMax } from '../kv/key.ts';
import { type Operation, type Outcome, opIdBytes, type Resend, type WriteOperation } from '../kv/store.ts';
import { slotCount } from '../partition/slot.ts';

/** Rises with every change of layout or meaning; the two ends refuse each other when it differs. */
export const wireVersion = 1;

const requestHeaderBytes = 43;
const answerHeaderBytes = 28;
const typeBytesMax = 255;

/** The largest frame there can be when values have at most `valueBytesMax` bytes. */
export function frameBytesMaxOf(valueBytesMax: number): number {
  return requestHeaderBytes + keyBytesMax + typeBytesMax + valueBytesMax;
}

export type Request = {
  readonly requestId: number;
  /** Of the ring by which the router chose this shard. */
  readonly epoch: number;
  readonly operation: Operation;
  readonly resend: Resend;
};

/** First frame on a connection, from the router. The shard answers with a `ShardHello`. */
export type RouterHello = { readonly wireVersion: number; readonly session: Buffer };
export type ShardHello = { readonly wireVersion: number; readonly shard: number; readonly lsn: number };

/** The peer sent bytes that are no frame of this protocol: the connection is of no more use. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

const operationBytes = { get: 1, head: 2, put: 3, delete: 4 } as const;
const resentFlag = 1;
const noOpId = Buffer.alloc(opIdBytes);
export const noResend: Resend = { opId: noOpId, resent: false, seenLsn: 0 };

const outcomeBytes = {
  value: 1,
  metadata: 2,
  absent: 3,
  created: 4,
  replaced: 5,
  deleted: 6,
  failed: 7,
  elsewhere: 8,
} as const;
const errorCodes = Object.keys(errorTable) as ErrorCode[];

export function requestFrameBytes(operation: Operation): number {
  const payload = operation.kind === 'put' ? operation.contentType.length + operation.value.length : 0;
  return requestHeaderBytes + operation.key.length + payload;
}

/** Writes a request into `target` at `at`, which has room for `requestFrameBytes`. */
export function encodeRequest(target: Buffer, at: number, { requestId, epoch, operation, resend }: Request): void {
  const { key } = operation;
  const contentType = operation.kind === 'put' ? operation.contentType : '';
  target.writeUInt32LE(requestFrameBytes(operation) - 4, at);
  target.writeUInt32LE(requestId, at + 4);
  target[at + 8] = operationBytes[operation.kind];
  target[at + 9] = resend.resent ? resentFlag : 0;
  target.writeUInt16LE(operation.slot, at + 10);
  target.writeUInt32LE(epoch, at + 12);
  resend.opId.copy(target, at + 16);
  writeUInt53(target, resend.seenLsn, at + 32);
  target.writeUInt16LE(key.length, at + 40);
  target[at + 42] = contentType.length;
  let end = at + requestHeaderBytes;
  end += key.copy(target, end);
  end += target.write(contentType, end, 'latin1');
  if (operation.kind === 'put') operation.value.copy(target, end);
}

export function requestOf(frame: Buffer): Request {
  if (frame.length < requestHeaderBytes) throw new WireError(`a request of ${frame.length} bytes is too short`);
  const keyEnd = requestHeaderBytes + frame.readUInt16LE(40);
  const typeEnd = keyEnd + (frame[42] as number);
  if (typeEnd > frame.length) throw new WireError('a request is shorter than its key and type');
  const slot = frame.readUInt16LE(10);
  if (slot >= slotCount) throw new WireError(`there is no slot ${slot}`);
  const key = frame.subarray(requestHeaderBytes, keyEnd);
  if (key.length === 0 || key.length > keyBytesMax) throw new WireError(`a key cannot have ${key.length} bytes`);
  const requestId = frame.readUInt32LE(4);
  const epoch = frame.readUInt32LE(12);
  switch (frame[8]) {
    case operationBytes.get:
      return { requestId, epoch, operation: { kind: 'get', slot, key }, resend: noResend };
    case operationBytes.head:
      return { requestId, epoch, operation: { kind: 'head', slot, key }, resend: noResend };
    case operationBytes.put: {
      const contentType = frame.toString('latin1', keyEnd, typeEnd);
      const operation: WriteOperation = { kind: 'put', slot, key, contentType, value: frame.subarray(typeEnd) };
      return { requestId, epoch, operation, resend: resendOf(frame) };
    }
    case operationBytes.delete:
      return { requestId, epoch, operation: { kind: 'delete', slot, key }, resend: resendOf(frame) };
    default:
      throw new WireError(`there is no operation ${frame[8]}`);
  }
}

function resendOf(frame: Buffer): Resend {
  return {
    opId: frame.subarray(16, 16 + opIdBytes),
    resent: ((frame[9] as number) & resentFlag) !== 0,
    seenLsn: readUInt53(frame, 32),
  };
}

/** What a shard answers: an outcome, or that it does not serve the slot and did nothing. */
export type Answer = Outcome | { readonly kind: 'elsewhere' };

export const elsewhere: Answer = { kind: 'elsewhere' };

export function answerFrameBytes(outcome: Answer): number {
  switch (outcome.kind) {
    case 'value':
      return answerHeaderBytes + outcome.contentType.length + outcome.value.length;
    case 'metadata':
      return answerHeaderBytes + outcome.contentType.length;
    case 'failed':
      return answerHeaderBytes + Buffer.byteLength(outcome.detail);
    default:
      return answerHeaderBytes;
  }
}

/** Writes an answer into `target` at `at`, which has room for `answerFrameBytes`. */
export function encodeAnswer(target: Buffer, at: number, requestId: number, outcome: Answer): void {
  const contentType = 'contentType' in outcome ? outcome.contentType : '';
  target.writeUInt32LE(answerFrameBytes(outcome) - 4, at);
  target.writeUInt32LE(requestId, at + 4);
  target[at + 8] = outcomeBytes[outcome.kind];
  target[at + 9] = contentType.length;
  target.writeUInt32LE(outcome.kind === 'failed' ? errorCodes.indexOf(outcome.code) : 0, at + 10);
  target.writeUInt16LE(0, at + 14);
  writeUInt53(target, 'version' in outcome ? outcome.version : 0, at + 16);
  target.writeUInt32LE(outcome.kind === 'metadata' ? outcome.valueBytes : 0, at + 24);
  const end = at + answerHeaderBytes + target.write(contentType, at + answerHeaderBytes, 'latin1');
  if (outcome.kind === 'value') outcome.value.copy(target, end);
  if (outcome.kind === 'failed') target.write(outcome.detail, end, 'utf8');
}

export function answerRequestId(frame: Buffer): number {
  if (frame.length < answerHeaderBytes) throw new WireError(`an answer of ${frame.length} bytes is too short`);
  return frame.readUInt32LE(4);
}

export function outcomeOf(frame: Buffer): Answer {
  if (frame.length < answerHeaderBytes) throw new WireError(`an answer of ${frame.length} bytes is too short`);
  const version = readUInt53(frame, 16);
  const typeEnd = answerHeaderBytes + (frame[9] as number);
  if (typeEnd > frame.length) throw new WireError('an answer is shorter than its type');
  switch (frame[8]) {
    case outcomeBytes.value: {
      const contentType = frame.toString('latin1', answerHeaderBytes, typeEnd);
      return { kind: 'value', version, contentType, value: frame.subarray(typeEnd) };
    }
    case outcomeBytes.metadata: {
      const contentType = frame.toString('latin1', answerHeaderBytes, typeEnd);
      return { kind: 'metadata', version, contentType, valueBytes: frame.readUInt32LE(24) };
    }
    case outcomeBytes.absent:
      return { kind: 'absent' };
    case outcomeBytes.created:
      return { kind: 'created', version };
    case outcomeBytes.replaced:
      return { kind: 'replaced', version };
    case outcomeBytes.deleted:
      return { kind: 'deleted', version };
    case outcomeBytes.elsewhere:
      return elsewhere;
    case outcomeBytes.failed: {
      const code = errorCodes[frame.readUInt32LE(10)];
      if (code === undefined) throw new WireError(`there is no error ${frame.readUInt32LE(10)}`);
      return { kind: 'failed', code, detail: frame.toString('utf8', answerHeaderBytes) };
    }
    default:
      throw new WireError(`there is no outcome ${frame[8]}`);
  }
}

export function routerHelloFrame(session: Buffer): Buffer {
  const frame = Buffer.alloc(14);
  frame.writeUInt32LE(frame.length - 4, 0);
  frame.writeUInt16LE(wireVersion, 4);
  session.copy(frame, 6);
  return frame;
}

export function routerHelloOf(frame: Buffer): RouterHello {
  if (frame.length !== 14) throw new WireError(`a router's hello has 14 bytes, not ${frame.length}`);
  return { wireVersion: checkedVersion(frame.readUInt16LE(4)), session: Buffer.from(frame.subarray(6)) };
}

export function shardHelloFrame({ shard, lsn }: Omit<ShardHello, 'wireVersion'>): Buffer {
  const frame = Buffer.alloc(16);
  frame.writeUInt32LE(frame.length - 4, 0);
  frame.writeUInt16LE(wireVersion, 4);
  frame.writeUInt16LE(shard, 6);
  writeUInt53(frame, lsn, 8);
  return frame;
}

export function shardHelloOf(frame: Buffer): ShardHello {
  if (frame.length !== 16) throw new WireError(`a shard's hello has 16 bytes, not ${frame.length}`);
  return {
    wireVersion: checkedVersion(frame.readUInt16LE(4)),
    shard: frame.readUInt16LE(6),
    lsn: readUInt53(frame, 8),
  };
}

function checkedVersion(version: number): number {
  if (version !== wireVersion) throw new WireError(`the peer speaks wire version ${version}, not ${wireVersion}`);
  return version;
}

/** Whole numbers up to 2^53 − 1 in 8 bytes: lsn and versions. */
export function writeUInt53(target: Buffer, value: number, at: number): void {
  target.writeUInt32LE(value % 2 ** 32, at);
  target.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

/** @throws WireError beyond 2^53 − 1 */
function readUInt53(source: Buffer, at: number): number {
  const value = source.readUInt32LE(at) + source.readUInt32LE(at + 4) * 2 ** 32;
  if (value > Number.MAX_SAFE_INTEGER) throw new WireError(`${value} is more than a version can be`);
  return value;
}
