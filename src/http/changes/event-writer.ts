/** Writes server-sent events to one client, no faster than it reads. */

import type { ServerResponse } from 'node:http';

/** Text leaves in slices of this size: of a large value, too, a slow client has to read so much in time and no more. */
export const sliceBytes = 64 * 1024;
/** So often something is written, that both ends know of each other. */
export const heartbeatMs = 15_000;
/** A client that reads nothing for so long is cut off; it may come back, and goes on where it was. */
const slowReaderMs = 30_000;

export class EventWriter {
  readonly #response: ServerResponse;
  #isClosed: boolean;
  #writtenAtMs = 0;
  /** Wakes whoever waits for the client to read on, or to go. */
  #goOn = () => {};

  /** @param onClose once the client has gone; never where it has already */
  constructor(response: ServerResponse, onClose: () => void) {
    this.#response = response;
    this.#isClosed = response.destroyed;
    response.on('close', () => {
      this.#isClosed = true;
      this.#goOn();
      onClose();
    });
    response.on('drain', () => this.#goOn());
    // The client has gone: 'close' follows.
    response.on('error', () => {});
  }

  /** When a heartbeat is due, from now. */
  get heartbeatInMs(): number {
    return this.#writtenAtMs + heartbeatMs - performance.now();
  }

  begin(): void {
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      // nginx gathers an answer before it passes it on, unless told not to: nobody would hear of anything.
      'x-accel-buffering': 'no',
    });
  }

  /** Resolves when the client has read so far that more may be written, or has gone. */
  async write(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length && !this.#isClosed; at += sliceBytes) {
      this.#writtenAtMs = performance.now();
      if (this.#response.write(bytes.subarray(at, at + sliceBytes)) || this.#isClosed) continue;
      const tooSlow = setTimeout(() => this.#response.destroy(), slowReaderMs);
      await new Promise<void>((resolve) => {
        this.#goOn = resolve;
      });
      clearTimeout(tooSlow);
    }
  }

  end(): void {
    this.#response.end();
  }
}
