/**
 * Cuts a stream of bytes into frames, wherever the chunks happen to be split. A frame that lies within one
 * chunk is a view of it, never a copy. Pure: it knows lengths, not what the frames say.
 */

import { WireError } from './frame.ts';

const lengthBytes = 4;
const noBytes = Buffer.alloc(0);

export class FrameDecoder {
  readonly #frameBytesMax: number;
  readonly #onFrame: (frame: Buffer) => void;
  /** A frame that has not arrived whole, and how many of its bytes have. */
  #partial = noBytes;
  #partialBytes = 0;

  constructor(frameBytesMax: number, onFrame: (frame: Buffer) => void) {
    this.#frameBytesMax = frameBytesMax;
    this.#onFrame = onFrame;
  }

  /** @throws WireError before anything is allocated for a frame that is too long */
  push(chunk: Buffer): void {
    let at = this.#partialBytes > 0 ? this.#completePartial(chunk) : 0;
    while (chunk.length - at >= lengthBytes) {
      const end = at + this.#frameBytes(chunk.readUInt32LE(at));
      if (end > chunk.length) break;
      this.#onFrame(chunk.subarray(at, end));
      at = end;
    }
    if (at < chunk.length) this.#beginPartial(chunk.subarray(at));
  }

  #frameBytes(length: number): number {
    if (length + lengthBytes > this.#frameBytesMax) {
      throw new WireError(`a frame of ${length + lengthBytes} bytes is longer than the ${this.#frameBytesMax} allowed`);
    }
    return length + lengthBytes;
  }

  #beginPartial(rest: Buffer): void {
    this.#partial = Buffer.allocUnsafe(
      rest.length >= lengthBytes ? this.#frameBytes(rest.readUInt32LE(0)) : lengthBytes,
    );
    this.#partialBytes = rest.copy(this.#partial);
  }

  /** Feeds the partial frame from the start of `chunk`; returns how many bytes it took. */
  #completePartial(chunk: Buffer): number {
    let at = this.#fill(chunk, 0);
    if (this.#partialBytes === lengthBytes) {
      const whole = Buffer.allocUnsafe(this.#frameBytes(this.#partial.readUInt32LE(0)));
      this.#partial.copy(whole);
      this.#partial = whole;
      at = this.#fill(chunk, at);
    }
    if (this.#partialBytes === this.#partial.length) {
      const frame = this.#partial;
      this.#partial = noBytes;
      this.#partialBytes = 0;
      this.#onFrame(frame);
    }
    return at;
  }

  #fill(chunk: Buffer, at: number): number {
    const copied = chunk.copy(this.#partial, this.#partialBytes, at);
    this.#partialBytes += copied;
    return at + copied;
  }
}
