/** The two ends of the connection between the shards of a move: the target asks, the source answers. */

import { connect, createServer, type Server, type Socket } from 'node:net';
import type { SourceReply, SourceRequest } from '../rebalance/move.ts';
import type { WireError } from './frame.ts';
import { readFrames } from './frame-reader.ts';
import { moveFrameBytesMax, moveReplyFrame, moveReplyOf, moveRequestFrame, moveRequestOf } from './move-frame.ts';

export class MoveServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(answer: (request: SourceRequest) => SourceReply, onWireError: (error: WireError) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      readFrames(socket, {
        frameBytesMax: moveFrameBytesMax,
        onFrame: (frame) => socket.write(moveReplyFrame(answer(moveRequestOf(frame)))),
        onWireError,
      });
    });
  }

  listen(socketPath: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(socketPath, resolve);
    });
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

export type MoveConnectionEvents = {
  readonly onReply: (reply: SourceReply) => void;
  /** Once, unless it was closed from here. */
  readonly onLost: () => void;
};

export class MoveConnection {
  readonly #socket: Socket;
  #isClosed = false;

  constructor(socketPath: string, { onReply, onLost }: MoveConnectionEvents) {
    this.#socket = connect(socketPath);
    readFrames(this.#socket, {
      frameBytesMax: moveFrameBytesMax,
      onFrame: (frame) => onReply(moveReplyOf(frame)),
      // Cut off by the reader: that is a loss like any other.
      onWireError: () => {},
    });
    this.#socket.on('close', () => {
      if (!this.#isClosed) onLost();
    });
  }

  request(request: SourceRequest): void {
    this.#socket.write(moveRequestFrame(request));
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }
}
