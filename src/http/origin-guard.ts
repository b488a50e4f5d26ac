/**
 * Which web pages may do what. Browsers send simple requests of any page anywhere, and only keep the page from reading
 * the answer: so a write that a browser sends for a page of another origin is refused here, by what the browser itself
 * says (Fetch Metadata, and Origin). Origins that an operator has allowed may write, and read the answers (CORS).
 */

import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify';
import { KvError } from '../kv/errors.ts';
import { isSafe } from './http-server.ts';

/** What is wrong with a request. Clients that are no browsers send neither header, and are not asked where they come from. */
export function originGuard(allowedOrigins: readonly string[]): (request: IncomingMessage) => KvError | undefined {
  const isAllowed = allowing(allowedOrigins);
  return (request) => {
    if (isSafe(request)) return undefined;
    const { headers } = request;
    const { origin, 'sec-fetch-site': site } = headers;
    if (origin === undefined && site === undefined) return undefined;
    if (origin !== undefined && isAllowed(origin)) return undefined;
    const isOwnPage = origin === undefined || hostOf(origin) === headers.host?.toLowerCase();
    // Of another port or subdomain (`same-site`) is another origin as well. `none` is the user, without a page.
    const isOwnSite = site === undefined || site === 'same-origin' || site === 'none';
    if (isOwnPage && isOwnSite) return undefined;
    return new KvError(
      'origin-not-allowed',
      `A page of ${origin ?? 'another origin'} asks for this: start the service with --allowed-origins to let it.`,
    );
  };
}

const methods = 'GET, HEAD, PUT, PATCH, DELETE, POST';
const requestHeaders =
  'accept, authorization, content-type, idempotency-key, if-match, if-none-match, if-range, last-event-id, prefer, range, x-request-id';
const exposedHeaders =
  'Accept-Ranges, Content-Range, ETag, Expires-At, Link, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, Server-Timing, WWW-Authenticate, X-Request-Id';
/** How long a browser need not ask again. */
const preflightKeptS = 600;

/** Only where an operator has allowed some origin. */
export function crossOrigin(allowedOrigins: readonly string[]): onRequestHookHandler {
  const isAllowed = allowing(allowedOrigins);
  return (request, reply, done) => {
    const { origin } = request.headers;
    // On the raw answer, which every way of answering has in common. What is cached for one origin is not for another.
    reply.raw.setHeader('vary', 'Origin');
    if (origin === undefined || !isAllowed(origin)) return done();
    reply.raw.setHeader('access-control-allow-origin', origin);
    reply.raw.setHeader('access-control-expose-headers', exposedHeaders);
    if (isPreflight(request)) answerPreflight(reply);
    else done();
  };
}

function isPreflight({ method, headers }: FastifyRequest): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

function answerPreflight(reply: FastifyReply): void {
  reply
    .code(204)
    .headers({
      'access-control-allow-methods': methods,
      'access-control-allow-headers': requestHeaders,
      'access-control-max-age': preflightKeptS,
    })
    .send();
}

function allowing(origins: readonly string[]): (origin: string) => boolean {
  if (origins.includes('*')) return () => true;
  const allowed = new Set(origins);
  return (origin) => allowed.has(origin);
}

/** Without the scheme: behind a proxy that ends TLS the page is of https. */
function hostOf(origin: string): string | undefined {
  return /^https?:\/\/(.*)$/.exec(origin)?.[1]?.toLowerCase();
}
