/**
 * The HTTP server under the app. Node parses the next request of a connection while the one before is still being
 * carried out, and RFC 9112 (9.3.2) allows pipelined requests to run side by side only when they are safe. So each
 * request waits here until those before it on its connection are answered, except reads that follow only reads.
 */

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions } from 'node:http';
import type { Socket } from 'node:net';

export type HttpServerOptions = {
  readonly http: ServerOptions;
  readonly keepAliveTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly connectionsMax: number;
};

export function createHttpServer(
  handle: RequestListener,
  { http, keepAliveTimeoutMs, requestTimeoutMs, connectionsMax }: HttpServerOptions,
): Server {
  const server = createServer(http, inOrder(handle));
  server.keepAliveTimeout = keepAliveTimeoutMs;
  server.requestTimeout = requestTimeoutMs;
  closeBeyond(connectionsMax, server);
  // Node drops headers beyond this number in silence, conditions and lengths with them. 0 is no limit: what bounds
  // headers is their size, and that answers 431.
  server.maxHeadersCount = 0;
  return server;
}

/**
 * Not Node's maxConnections: within a cluster that hands a connection back to the primary, which deals it out again and
 * again, and holds its descriptor, until somebody takes it (Node 22.12 has dropMaxConnection against that).
 */
function closeBeyond(connectionsMax: number, server: Server): void {
  let open = 0;
  server.on('connection', (socket) => {
    open++;
    socket.once('close', () => open--);
    if (open > connectionsMax) socket.destroy();
  });
}

/** Costs a connection that does not pipeline one comparison a request. */
function inOrder(handle: RequestListener): RequestListener {
  /** By connection, how many unsafe requests are not answered yet, or wait. Only of connections that have any. */
  const unsafeOpen = new WeakMap<Socket, number>();
  const count = (socket: Socket, change: number) => unsafeOpen.set(socket, (unsafeOpen.get(socket) ?? 0) + change);

  return (request, response) => {
    const { socket } = request;
    const isUnsafe = !isSafe(request);
    if (isUnsafe) {
      count(socket, 1);
      response.once('close', () => count(socket, -1));
    }
    // Node gives a response its socket when all earlier ones on it are sent.
    const isFirst = response.socket !== null;
    if (isFirst || !(isUnsafe || unsafeOpen.get(socket))) handle(request, response);
    else response.once('socket', () => handle(request, response));
  };
}

/** RFC 9110, 9.2.1. */
function isSafe({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}
