/** The two ends of the connection between the shards of a move: the target asks, the source answers. */

import type { ByteStream, Listener, Sockets } from '../ports/sockets.ts';
import type { SourceReply, SourceRequest } from '../rebalance/move.ts';
import type { SourceConnection, SourceConnectionEvents } from '../rebalance/ports.ts';
import type { WireError } from './frame.ts';
import { readFrames } from './frame-reader.ts';
import { moveFrameBytesMax, moveReplyFrame, moveReplyOf, moveRequestFrame, moveRequestOf } from './move-frame.ts';

export type MoveServerOptions = {
  readonly sockets: Sockets;
  readonly answer: (request: SourceRequest) => SourceReply;
  readonly onWireError: (error: WireError) => void;
};

export class MoveServer {
  readonly #options: MoveServerOptions;
  readonly #streams = new Set<ByteStream>();
  #listener: Listener | undefined;

  constructor(options: MoveServerOptions) {
    this.#options = options;
  }

  async listen(socketPath: string): Promise<void> {
    this.#listener = await this.#options.sockets.listen(socketPath, (stream) => this.#accept(stream));
  }

  stop(): void {
    for (const stream of this.#streams) stream.destroy();
    this.#listener?.close(() => {});
  }

  #accept(stream: ByteStream): void {
    const { answer, onWireError } = this.#options;
    this.#streams.add(stream);
    stream.on('close', () => this.#streams.delete(stream));
    readFrames(stream, {
      frameBytesMax: moveFrameBytesMax,
      onFrame: (frame) => stream.write(moveReplyFrame(answer(moveRequestOf(frame)))),
      onWireError,
    });
  }
}

export class MoveConnection implements SourceConnection {
  readonly #stream: ByteStream;
  #isClosed = false;

  constructor(sockets: Sockets, socketPath: string, { onReply, onLost }: SourceConnectionEvents) {
    this.#stream = sockets.connect(socketPath);
    readFrames(this.#stream, {
      frameBytesMax: moveFrameBytesMax,
      onFrame: (frame) => onReply(moveReplyOf(frame)),
      // Cut off by the reader: that is a loss like any other.
      onWireError: () => {},
    });
    this.#stream.on('close', () => {
      if (!this.#isClosed) onLost();
    });
  }

  request(request: SourceRequest): void {
    this.#stream.write(moveRequestFrame(request));
  }

  close(): void {
    this.#isClosed = true;
    this.#stream.destroy();
  }
}
