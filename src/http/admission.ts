/**
 * Lets requests in: says 401 where a token is needed and 429 where there were too many, before anything of the request
 * is looked at, and gives routes the store as its token may see it. While nothing of it is configured, routes have the
 * store itself.
 */

import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccessControl } from '../access/access-control.ts';
import { clientNameOf } from '../access/client-address.ts';
import { covers, type Grant, prefixesWithin, readDenied, writeDenied } from '../access/grant.ts';
import type { RateLimiter } from '../access/rate-limiter.ts';
import { type KeyStore, RestrictedStore } from '../access/restricted-store.ts';
import { KvError } from '../kv/errors.ts';
import type { Key } from '../kv/key.ts';
import type { FailedOutcome } from '../kv/outcome.ts';
import type { Store } from '../kv/store.ts';
import { pathOf } from './description/route-doc.ts';

/** What a watcher of changes is told of. */
export type Reach = {
  readonly sees: (key: Key) => boolean;
  /** False once nothing more is to be told. */
  readonly isInForce: () => boolean;
};

/** What a request may ask of the store. */
export type StoreFor = (request: FastifyRequest) => KeyStore;

type Done = (error?: Error) => void;
type Admitted = { [grantKey]?: Grant };
/** On a request: what it may do. */
const grantKey = Symbol('grant');

/** They say nothing of what is stored, and whoever asks for them may have no token: balancers, and people who read. */
export const openRoutes: readonly string[] = ['/livez', '/readyz', '/', '/docs', '/docs/{file}', '/openapi.json'];

/** What a request may do, and who sent it; undefined where nobody is asked. */
export function grantOf(raw: IncomingMessage): Grant | undefined {
  return (raw as Admitted)[grantKey];
}

export class Admission {
  readonly #store: Store;
  readonly #access: AccessControl;
  readonly #limiter: RateLimiter | undefined;

  constructor(store: Store, access: AccessControl, limiter: RateLimiter | undefined) {
    this.#store = store;
    this.#access = access;
    this.#limiter = limiter;
  }

  /** While it is, no request needs to be admitted. */
  get isOpen(): boolean {
    return this.#access.gate === undefined && this.#limiter === undefined;
  }

  admit(request: FastifyRequest, reply: FastifyReply, done: Done): void {
    if (isOpenRoute(request)) return done();
    const { gate } = this.#access;
    const address = clientNameOf(request.raw.socket.remoteAddress);
    if (gate === undefined) return done(this.#refusalOfRate(address, reply));
    const { authorization } = request.raw.headers;
    const nowMs = Date.now();
    // Looking at a new token costs more than a refusal: whoever tries many is stopped before.
    const isKnown = gate.recall(authorization, nowMs) !== undefined;
    if (!isKnown && this.#limiter?.isSpent(address, performance.now())) {
      return done(this.#refusalOfRate(address, reply));
    }
    const settle = (verdict: Grant | FailedOutcome) => {
      const isIn = verdict.kind === 'grant';
      if (isIn) (request.raw as Admitted)[grantKey] = verdict;
      const refusal = this.#refusalOfRate(isIn ? verdict.name : address, reply);
      done(refusal ?? (isIn ? undefined : new KvError(verdict.code, verdict.detail)));
    };
    const verdict = gate.decide(authorization, nowMs);
    if (verdict instanceof Promise) verdict.then(settle, done);
    else settle(verdict);
  }

  /** What this request may ask of the store. */
  storeFor({ raw }: FastifyRequest): KeyStore {
    const grant = grantOf(raw);
    if (grant === undefined) return this.#store;
    return new RestrictedStore(this.#store, grant, () => this.#access.isInForce(grant));
  }

  /**
   * For a request that writes to what it finds by itself.
   * @throws KvError access-denied where the grant does not allow both, whatever keys there are
   */
  storeToReadAndWrite(request: FastifyRequest): KeyStore {
    const grant = grantOf(request.raw);
    const denied = grant && (grant.read ? (grant.write ? undefined : writeDenied) : readDenied);
    if (denied !== undefined) throw new KvError(denied.code, denied.detail);
    return this.storeFor(request);
  }

  /**
   * Of the changes of all keys that begin with the prefix.
   * @throws KvError access-denied
   */
  reachOf({ raw }: FastifyRequest, prefix: Buffer): Reach {
    const grant = grantOf(raw);
    if (grant === undefined) {
      return { sees: (key) => covers({ prefixes: [prefix] }, key), isInForce: () => this.#access.gate === undefined };
    }
    if (!grant.read) throw new KvError(readDenied.code, readDenied.detail);
    const prefixes = prefixesWithin(grant, prefix);
    return { sees: (key) => covers({ prefixes }, key), isInForce: () => this.#access.isInForce(grant) };
  }

  /** Counts the request, and says so in the fields of draft-ietf-httpapi-ratelimit-headers-10. */
  #refusalOfRate(client: string, reply: FastifyReply): KvError | undefined {
    if (this.#limiter === undefined) return undefined;
    const { requests, windowS } = this.#limiter.limit;
    const { isAllowed, remaining, waitS } = this.#limiter.take(client, performance.now());
    // On the raw answer, which every way of answering has in common.
    reply.raw.setHeader('ratelimit-policy', `"default";q=${requests};w=${windowS}`);
    reply.raw.setHeader('ratelimit', `"default";r=${remaining};t=${waitS}`);
    if (isAllowed) return undefined;
    reply.header('retry-after', waitS);
    const window = windowS === 1 ? 'second' : `${windowS} seconds`;
    return new KvError('rate-exceeded', `The limit is ${requests} requests per ${window} for each client.`);
  }
}

/** By the route that was found, whatever its URL looks like; of most requests Fastify need not be asked for it. */
function isOpenRoute(request: FastifyRequest): boolean {
  return !request.raw.url?.startsWith('/v1/') && openRoutes.includes(pathOf(request.routeOptions.url ?? ''));
}
