/**
 * Closes connections whose clients do not read their answers, which would otherwise lie in memory for ever. Looked for
 * now and then, connection by connection, so that an answer that is read costs nothing.
 */

import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

export type UnreadLimits = {
  /** What waits for a client must have left within this time. */
  readonly deadlineMs: number;
  readonly intervalMs: number;
};

/** What waited when it was looked at: bytes of the connection from its beginning, and since when they have waited. */
type Mark = { readonly bytes: number; readonly sinceMs: number };

export function closeUnread(server: Server, { deadlineMs, intervalMs }: UnreadLimits): void {
  const marks = new Map<Socket, Mark | undefined>();
  // Of TLS it is the outer socket that knows what waits.
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
    marks.set(socket, undefined);
    socket.once('close', () => marks.delete(socket));
  });
  const look = () => {
    const nowMs = performance.now();
    for (const [socket, mark] of marks) {
      const { bytesWritten, writableLength } = socket;
      const isRead = writableLength === 0 || (mark !== undefined && bytesWritten - writableLength >= mark.bytes);
      if (mark === undefined || isRead) {
        // A stream that goes on always has something waiting: what counts is that it was not the same all the time.
        marks.set(socket, writableLength === 0 ? undefined : { bytes: bytesWritten, sinceMs: nowMs });
      } else if (nowMs - mark.sinceMs > deadlineMs) socket.destroy();
    }
  };
  const timer = setInterval(look, intervalMs).unref();
  server.once('close', () => clearInterval(timer));
}
