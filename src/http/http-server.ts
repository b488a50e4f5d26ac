/**
 * The HTTP server under the app. Node parses the next request of a connection while the one before is still being
 * carried out, and RFC 9112 (9.3.2) allows pipelined requests to run side by side only when they are safe. So each
 * request waits here until those before it on its connection are answered, except reads that follow only reads. What
 * Node would refuse with a bare status line, or not at all, is refused here with a problem document.
 */

import { createServer, type IncomingMessage, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { KvError } from '../kv/errors.ts';
import { answerProblem, rawProblem } from './problem.ts';
import { framingFault } from './request-framing.ts';
import { closeSilentWithIdle } from './silent-connections.ts';
import { closeUnread } from './unread-answers.ts';

/** What a server of HTTPS shows and keeps, both in PEM. */
export type Certificate = {
  /** Its own, then those that lead to one that clients trust. */
  readonly cert: string;
  readonly key: string;
};

export type HttpServerOptions = {
  /** With one, HTTPS is spoken and nothing else. */
  readonly certificate?: Certificate | undefined;
  readonly http: ServerOptions;
  readonly keepAliveTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly answerTimeoutMs: number;
  readonly connectionsMax: number;
};

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** So many pipelined reads of one connection are under way at once: their answers lie in memory together. */
const readsAtATime = 16;

/** So much later than its time an answer that nobody reads is given up. */
const unreadIntervalMs = 2_000;

/** On a request: its response. Node links them only the other way round. */
const responseKey = Symbol('response');
type Linked = { [responseKey]?: ServerResponse };

/** On a connection: how its requests stand. */
const turnsKey = Symbol('turns');
type Turns = {
  /** The response to the request that came last. */
  latest: ServerResponse;
  /** Unsafe requests that are not answered yet, or wait. */
  unsafeOpen: number;
  /** Pipelined reads that are under way. */
  readsOpen: number;
};
type Traced = { [turnsKey]?: Turns };

export function createHttpServer(
  handle: Handler,
  { certificate, http, keepAliveTimeoutMs, requestTimeoutMs, answerTimeoutMs, connectionsMax }: HttpServerOptions,
): Server {
  // Refused below, with a problem document.
  const options = { ...http, requireHostHeader: false };
  const server = certificate === undefined ? createServer(options) : secureServer(options, certificate);
  const take = inTurn((request, response) => {
    const fault = framingFault(request);
    // We change to no other protocol, and go on as if nobody had asked. But Node passes over what came behind such a
    // request on its connection, so that nothing may follow it.
    if (request.headers.upgrade !== undefined) response.setHeader('connection', 'close');
    if (fault === undefined) handle(request, response);
    else answerProblem(response, fault);
  });
  server.on('request', take);
  const refuseExpectation = inTurn((request, response) => {
    const detail = `The only supported expectation is 100-continue, not ${JSON.stringify(request.headers.expect)}.`;
    answerProblem(response, new KvError('expectation-failed', detail));
  });
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    // Node comes here also when it is one of several.
    if (request.headers.expect?.toLowerCase() !== '100-continue') return refuseExpectation(request, response);
    // A client that is answered before it was told to go on may send its body or not: the connection says no more.
    // `sendContinue` takes that back.
    response.setHeader('connection', 'close');
    take(request, response);
  });
  server.on('checkExpectation', refuseExpectation);
  server.on('connect', (_request, socket: Socket) => {
    socket.end(rawProblem('method-not-allowed', 'This is no proxy: CONNECT is not allowed here.'));
  });
  server.keepAliveTimeout = keepAliveTimeoutMs;
  server.requestTimeout = requestTimeoutMs;
  closeBeyond(connectionsMax, server);
  closeSilentWithIdle(server);
  closeUnread(server, { deadlineMs: answerTimeoutMs, intervalMs: unreadIntervalMs });
  // Node drops headers beyond this number in silence, conditions and lengths with them. 0 is no limit: what bounds
  // headers is their size, and that answers 431.
  server.maxHeadersCount = 0;
  return server;
}

/** HTTP/1.1 alone: it is what the order of requests below is made for. */
function secureServer(options: ServerOptions, certificate: Certificate): Server {
  return createTlsServer({
    ...options,
    ...certificate,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    ...(options.headersTimeout !== undefined && { handshakeTimeout: options.headersTimeout }),
  });
}

/** For connections from now on; those that are open keep theirs. A server without TLS stays so. */
export function renewCertificate(server: Server, certificate: Certificate): void {
  if (server instanceof TlsServer) server.setSecureContext({ ...certificate, minVersion: 'TLSv1.2' });
}

/**
 * Not Node's maxConnections: within a cluster that hands a connection back to the primary, which deals it out again and
 * again, and holds its descriptor, until somebody takes it (Node 22.12 has dropMaxConnection against that).
 */
function closeBeyond(connectionsMax: number, server: Server): void {
  const open = { count: 0 };
  openConnections.set(server, open);
  server.on('connection', (socket) => {
    open.count++;
    socket.once('close', () => open.count--);
    if (open.count > connectionsMax) socket.destroy();
  });
}

const openConnections = new WeakMap<object, { count: number }>();

/** Of a server that was made here. Node's own count asks the primary of a cluster. */
export function connectionsOf(server: object): number {
  return openConnections.get(server)?.count ?? 0;
}

/** Tells a client that waits with its body (RFC 9110, 10.1.1) to send it. */
export function sendContinue(response: ServerResponse): void {
  response.removeHeader('connection');
  response.writeContinue();
}

/** Of a request whose body is read. */
export function responseTo(request: IncomingMessage): ServerResponse {
  const response = (request as Linked)[responseKey];
  if (response === undefined) throw new TypeError('the request did not come through this server');
  return response;
}

/**
 * Says what was wrong with bytes that are no request, when those before them on the connection have been answered: an
 * answer sent earlier would be taken for that of the request before, which may be a write that was applied.
 */
export function refuseBytes(socket: Socket, problem: string): void {
  const say = () => (socket.writable ? socket.end(problem) : socket.destroy());
  const latest = (socket as Traced)[turnsKey]?.latest;
  if (latest === undefined || (latest.req.complete && latest.closed)) say();
  else if (latest.req.complete) latest.once('close', say);
  // The rest of a request that was answered already: nothing more can be said.
  else if (latest.writableEnded) socket.destroy();
  else if (latest.socket !== null) say();
  else latest.once('socket', say);
}

/** All handlers made so take turns on each connection. Costs one that does not pipeline one comparison a request. */
function inTurn(handle: Handler): Handler {
  return (request, response) => {
    const turns = turnsOf(request.socket, response);
    const isUnsafe = !isSafe(request);
    // Of all others nobody reads a body.
    if (isUnsafe || request.method === 'OPTIONS') (request as Linked)[responseKey] = response;
    if (isUnsafe) {
      turns.unsafeOpen++;
      response.on('close', () => turns.unsafeOpen--);
    }
    // Node gives a response its socket when all earlier ones on it are sent.
    if (response.socket !== null) handle(request, response);
    else if (isUnsafe || turns.unsafeOpen > 0 || turns.readsOpen >= readsAtATime) {
      response.once('socket', () => handle(request, response));
    } else {
      turns.readsOpen++;
      response.on('close', () => turns.readsOpen--);
      handle(request, response);
    }
  };
}

function turnsOf(socket: Socket, latest: ServerResponse): Turns {
  const known = (socket as Traced)[turnsKey];
  if (known !== undefined) {
    known.latest = latest;
    return known;
  }
  const turns = { latest, unsafeOpen: 0, readsOpen: 0 };
  (socket as Traced)[turnsKey] = turns;
  return turns;
}

/** RFC 9110, 9.2.1. */
export function isSafe({ method }: IncomingMessage): boolean {
  return method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
}
