/**
 * Connections on which nothing was asked yet are idle too. Node's `closeIdleConnections` knows only those that have had
 * a request: a client that connects ahead of its next request, as `fetch` does, would hold a drain up until the time for
 * headers is over.
 */

import type { Server } from 'node:http';
import type { Socket } from 'node:net';

export function closeSilentWithIdle(server: Server): void {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  const closeIdle = server.closeIdleConnections.bind(server);
  server.closeIdleConnections = () => {
    closeIdle();
    for (const socket of open) if (socket.bytesRead === 0) socket.destroy();
  };
}
