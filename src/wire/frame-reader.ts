/** Reads frames off a socket. A peer that breaks the protocol is reported and cut off; this process goes on. */

import type { ByteStream } from '../ports/sockets.ts';
import { WireError } from './frame.ts';
import { FrameDecoder } from './frame-decoder.ts';

export type FrameReaderOptions = {
  readonly frameBytesMax: number;
  /** May throw a WireError. */
  readonly onFrame: (frame: Buffer) => void;
  readonly onWireError: (error: WireError) => void;
};

export function readFrames(socket: ByteStream, { frameBytesMax, onFrame, onWireError }: FrameReaderOptions): void {
  const decoder = new FrameDecoder(frameBytesMax, onFrame);
  socket.on('data', (chunk) => {
    try {
      decoder.push(chunk);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      onWireError(error);
      socket.destroy();
    }
  });
  // Nothing to do for an error: 'close' follows it.
  socket.on('error', () => {});
}
