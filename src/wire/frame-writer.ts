/**
 * Gathers the frames of one event-loop turn and hands them to a socket in one write. A caller that reserves room
 * must fill all of it before the next reservation, and flush before the turn ends.
 */

import type { ByteStream } from '../ports/sockets.ts';

const chunkBytes = 64 * 1024;
const noBytes = Buffer.alloc(0);

export class FrameWriter {
  readonly #socket: ByteStream;
  #chunk = noBytes;
  #filledBytes = 0;

  constructor(socket: ByteStream) {
    this.#socket = socket;
  }

  /** Reserves `frameBytes` in `room`, from `at` on. */
  reserve(frameBytes: number): { readonly room: Buffer; readonly at: number } {
    if (this.#filledBytes + frameBytes > this.#chunk.length) {
      this.#handOver();
      if (frameBytes > this.#chunk.length) this.#chunk = Buffer.allocUnsafeSlow(Math.max(frameBytes, chunkBytes));
    }
    const at = this.#filledBytes;
    this.#filledBytes += frameBytes;
    return { room: this.#chunk, at };
  }

  flush(): void {
    this.#handOver();
    if (this.#chunk.length > chunkBytes) this.#chunk = Buffer.allocUnsafeSlow(chunkBytes);
  }

  #handOver(): void {
    if (this.#filledBytes === 0) return;
    const filled = this.#chunk.subarray(0, this.#filledBytes);
    this.#filledBytes = 0;
    this.#socket.write(filled);
    // When the kernel took all of it the chunk is free again; else it belongs to the socket until it has left.
    if (this.#socket.writableLength > 0) this.#chunk = Buffer.allocUnsafeSlow(chunkBytes);
  }
}
