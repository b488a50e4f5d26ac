/**
 * Streams of bytes between the processes of one service. The product's are Unix sockets of `node:net`; the
 * simulator's lose and delay what is on its way.
 */

import { connect, createServer } from 'node:net';
import { keepPath } from './kept-path.ts';

/** What of `node:net`'s Socket is used. */
export interface ByteStream {
  readonly destroyed: boolean;
  /** Bytes that were written and have not left. */
  readonly writableLength: number;
  write(bytes: Buffer): unknown;
  on(event: 'data', run: (chunk: Buffer) => void): unknown;
  on(event: 'connect' | 'drain' | 'error' | 'close', run: () => void): unknown;
  pause(): unknown;
  resume(): unknown;
  destroy(): unknown;
  /** Closes once everything written has left. */
  destroySoon(): void;
}

export interface Listener {
  /** Accepts no more; `done` runs when every connection has ended. */
  close(done: () => void): unknown;
}

export interface Sockets {
  connect(path: string): ByteStream;
  /** Resolves when connections are accepted. */
  listen(path: string, accept: (stream: ByteStream) => void): Promise<Listener>;
}

export const unixSockets: Sockets = {
  connect: (path) => connect(path),
  listen: (path, accept) =>
    new Promise((resolve, reject) => {
      const server = createServer(accept);
      server.once('error', reject);
      server.listen(path, () => {
        const letGo = keepPath(server, path);
        resolve({
          close(done) {
            letGo();
            server.close(done);
          },
        });
      });
    }),
};
