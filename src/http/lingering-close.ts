/**
 * Ends a connection whose client is still sending a body that nobody wants. Closed at once, with bytes unread, the
 * kernel would reset it, and the client would see a broken pipe in place of the answer. So what still comes is read and
 * thrown away, for a while (as nginx's `lingering_close` does).
 */

import type { IncomingMessage, ServerResponse } from 'node:http';

/** Four times the largest body that is allowed anywhere. */
const lingerBytesMax = 64 * 1024 * 1024;
/** Shorter than what a drain may take: a stopping service waits for no one here. */
const lingerMs = 4_000;

/** Whether the client has more to send before its request is whole. */
function isBodyPending({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** @param response with its head written, and `connection: close` in it */
export function endAndLinger(response: ServerResponse, body: string): void {
  const { req: request, socket } = response;
  // Without its socket it waits for answers before it, and Node ends it in its turn.
  if (socket === null || !isBodyPending(request)) {
    response.end(body);
    return;
  }
  // Of HEAD there is no body, and writing one would not even send the head.
  response.flushHeaders();
  response.write(body);
  // All that the client reads is sent; what it sends is still taken.
  socket.end();
  let bytesLeft = lingerBytesMax;
  const close = () => {
    clearTimeout(deadline);
    socket.destroy();
  };
  const deadline = setTimeout(close, lingerMs);
  request.on('data', (chunk: Buffer) => {
    bytesLeft -= chunk.length;
    if (bytesLeft < 0) close();
  });
  // Also when the client is cut off: 'close' follows.
  request.on('error', () => {});
  request.on('end', close);
  request.on('close', close);
  request.resume();
}
