/**
 * Cutting a stream into frames: the frames that come out do not depend on how the stream was cut, and a peer
 * cannot make this process allocate more than the largest frame, whatever length it announces.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WireError } from '../../src/wire/frame.ts';
import { FrameDecoder } from '../../src/wire/frame-decoder.ts';

const frameBytesMax = 1_000;

const anyFrames = fc.array(fc.uint8Array({ maxLength: 200, size: 'medium' }), { maxLength: 8 }).map((payloads) =>
  payloads.map((payload) => {
    const frame = Buffer.alloc(4 + payload.length);
    frame.writeUInt32LE(payload.length);
    frame.set(payload, 4);
    return frame;
  }),
);

/** Mostly small, so that length prefixes are cut too; 0 is an empty chunk. */
const chunkLengths = fc.infiniteStream(fc.oneof(fc.nat(6), fc.nat(400)));

describe('a stream of frames', () => {
  test('gives the same frames in the same order wherever it is cut', () => {
    fc.assert(
      fc.property(anyFrames, chunkLengths, (frames, lengths) => {
        const { decoder, decoded } = newDecoder();
        const stream = Buffer.concat(frames);
        for (let at = 0; at < stream.length; ) {
          const end = at + (lengths.next().value as number);
          decoder.push(Buffer.from(stream.subarray(at, end)));
          at = end;
        }
        expect(decoded).toEqual(frames);
      }),
      { numRuns: 300 },
    );
  });

  test('gives each frame as soon as its last byte is there, and not before', () => {
    const { decoder, decoded } = newDecoder();
    const stream = Buffer.from('\x03\0\0\0abc\0\0\0\0\x01\0\0\0d', 'latin1');
    const counts = [...stream].map((byte) => {
      decoder.push(Buffer.from([byte]));
      return decoded.length;
    });
    expect(counts).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3]);
    // Also an empty one at the end of a chunk.
    decoder.push(stream.subarray(0, -5));
    expect(decoded.length).toBe(5);
  });

  test('copies no frame that lies within one chunk', () => {
    const { decoder, decoded } = newDecoder();
    const chunk = Buffer.from('\x01\0\0\0a\x01\0\0\0b\x05\0\0\0c', 'latin1');
    decoder.push(chunk);
    expect(decoded.map((frame) => frame.buffer === chunk.buffer && frame.byteOffset - chunk.byteOffset)).toEqual([
      0, 5,
    ]);
  });

  test('leaves a frame that it gave alone when the next one comes in pieces', () => {
    const { decoder, decoded } = newDecoder();
    for (const piece of ['\x02\0\0', '\0a', 'b\x02\0', '\0\0c', 'd']) decoder.push(Buffer.from(piece, 'latin1'));
    expect(decoded.map((frame) => frame.toString('latin1', 4))).toEqual(['ab', 'cd']);
  });
});

describe('a frame that is too long', () => {
  test('is one byte longer than the largest, which still passes', () => {
    const largest = Buffer.alloc(frameBytesMax);
    largest.writeUInt32LE(frameBytesMax - 4);
    const { decoder, decoded } = newDecoder();
    decoder.push(largest);
    expect(decoded).toEqual([largest]);

    largest.writeUInt32LE(frameBytesMax - 3);
    expect(() => decoder.push(largest)).toThrow(WireError);
    expect(() => decoder.push(largest)).toThrow(/1001 bytes is longer than the 1000 allowed/);
  });

  test.each([
    ['in one piece', ['\xff\xff\xff\xff']],
    ['with bytes after it', ['\xff\xff\xff\xffabcdef']],
    ['cut in two', ['\xff\xff', '\xff\xff']],
    ['byte by byte', ['\xff', '\xff', '\xff', '\xff']],
    ['behind a whole frame', ['\0\0\0\0\xff\xff\xff\xff']],
    ['behind the rest of a frame', ['\x02\0\0\0a', 'b\xff\xff\xff\xff']],
  ])('is refused by its length alone, and nothing is allocated for its 4 GiB: %s', (_cut, pieces) => {
    const { decoder } = newDecoder();
    const chunks = pieces.map((piece) => Buffer.from(piece, 'latin1'));
    const last = chunks.pop() as Buffer;
    for (const chunk of chunks) decoder.push(chunk);
    const before = process.memoryUsage().arrayBuffers;
    expect(() => decoder.push(last)).toThrow(WireError);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 * 1024);
  });

  test('is refused again when more of it comes', () => {
    const { decoder, decoded } = newDecoder();
    decoder.push(Buffer.from('\xff\xff\xff', 'latin1'));
    for (let more = 0; more < 3; more++) expect(() => decoder.push(Buffer.from('\xff'))).toThrow(WireError);
    expect(decoded).toEqual([]);
  });

  test('is the only thing that a decoder refuses, and no frame is longer than allowed', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (chunks) => {
        const { decoder, decoded } = newDecoder();
        try {
          for (const chunk of chunks) decoder.push(Buffer.from(chunk));
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
        }
        expect(decoded.every((frame) => frame.length <= frameBytesMax)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

function newDecoder(): { readonly decoder: FrameDecoder; readonly decoded: Buffer[] } {
  const decoded: Buffer[] = [];
  return { decoder: new FrameDecoder(frameBytesMax, (frame) => decoded.push(frame)), decoded };
}
