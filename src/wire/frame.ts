/**
 * The bytes between a router and a shard: length-prefixed frames, little-endian. This file has what all of them
 * share, and how two ends greet each other; `request-frame.ts` and `answer-frame.ts` have the rest. `length` counts
 * what follows it. Both ends are of one build, and the hello says so.
 */

import { readUInt53, writeUInt53 } from '../kv/uint53.ts';

/** Rises with every change of layout or meaning; the two ends refuse each other when it differs. */
export const wireVersion = 4;

/** First frame on a connection, from the router. The shard answers with a `ShardHello`. */
export type RouterHello = { readonly wireVersion: number; readonly session: Buffer };
export type ShardHello = { readonly wireVersion: number; readonly shard: number; readonly lsn: number };

/** The peer sent bytes that are no frame of this protocol: the connection is of no more use. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

/** Of a number that has a place in a frame. */
export function isWithin(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

/** @throws WireError beyond 2^53 − 1 */
export function checkedUInt53(source: Buffer, at: number): number {
  const value = readUInt53(source, at);
  if (value > Number.MAX_SAFE_INTEGER) throw new WireError(`${value} is more than a version can be`);
  return value;
}

/**
 * The frames that lie one after another in a larger one.
 * @throws WireError
 */
export function framesWithin(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.length - at < 4 ? Number.POSITIVE_INFINITY : at + 4 + bytes.readUInt32LE(at);
    if (end > bytes.length) throw new WireError('a frame within another one breaks off');
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
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
    lsn: checkedUInt53(frame, 8),
  };
}

function checkedVersion(version: number): number {
  if (version !== wireVersion) throw new WireError(`the peer speaks wire version ${version}, not ${wireVersion}`);
  return version;
}
