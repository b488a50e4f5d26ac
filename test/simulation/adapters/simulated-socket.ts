/** One end of a connection: an ordered stream of bytes each way, as a Unix socket. */

import type { ByteStream } from '../../../src/ports/sockets.ts';
import type { Life } from '../scheduler.ts';
import { Stream, type Wires } from '../streams.ts';

type Item = Buffer | 'open' | 'end';
type Handlers = { data?: (chunk: Buffer) => void; connect?: () => void; close?: () => void };

export class SimulatedSocket implements ByteStream {
  readonly life: Life;
  readonly writableLength = 0;
  destroyed = false;
  peer: SimulatedSocket | undefined;
  readonly incoming: Stream<Item>;
  readonly #wires: Wires;
  readonly #handlers: Handlers = {};

  constructor(wires: Wires, life: Life, onOpen: (socket: SimulatedSocket) => void) {
    this.#wires = wires;
    this.life = life;
    this.incoming = new Stream(wires, life, (item) => {
      if (item === 'open') return onOpen(this);
      if (item === 'end') return this.destroy();
      this.#handlers.data?.(item);
    });
  }

  on(event: keyof Handlers | 'drain' | 'error', run: (chunk: Buffer) => void): void {
    if (event !== 'drain' && event !== 'error') this.#handlers[event] = run as () => void;
  }

  opened(): void {
    this.#handlers.connect?.();
  }

  /** What is written belongs to the writer again at once, and may arrive in pieces. */
  write(bytes: Buffer): void {
    const at = this.#wires.fate.chance(0.1) ? this.#wires.fate.below(bytes.length) : 0;
    if (at > 0) this.peer?.incoming.send(Buffer.from(bytes.subarray(0, at)));
    this.peer?.incoming.send(Buffer.from(bytes.subarray(at)));
  }

  pause(): void {
    this.incoming.isDiscarded = true;
  }

  /** Nobody pauses but to end: nothing here is ever slow to leave. */
  resume(): void {}

  destroy(): void {
    this.#end({ isCut: true });
  }

  destroySoon(): void {
    this.#end({ isCut: false });
  }

  #end(how: { readonly isCut: boolean }): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.incoming.isDiscarded = true;
    this.peer?.incoming.endWith('end', how);
    this.#wires.scheduler.soon(this.life, () => this.#handlers.close?.());
  }
}
