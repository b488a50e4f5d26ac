/**
 * Lets requests in, where a token is needed: says 401 before anything of the request is looked at, and gives routes the
 * store as its token may see it. While nothing is locked, routes have the store itself.
 */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccessControl } from '../access/access-control.ts';
import { covers, type Grant, prefixesWithin, readDenied } from '../access/grant.ts';
import { type KeyStore, RestrictedStore } from '../access/restricted-store.ts';
import { KvError } from '../kv/errors.ts';
import type { Key } from '../kv/key.ts';
import type { FailedOutcome } from '../kv/outcome.ts';
import type { Store } from '../kv/store.ts';

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
export const openRoutes: readonly string[] = ['/livez', '/readyz', '/docs', '/openapi.json'];

export class Admission {
  readonly #store: Store;
  readonly #access: AccessControl;

  constructor(store: Store, access: AccessControl) {
    this.#store = store;
    this.#access = access;
  }

  /** While it is, no request needs to be admitted. */
  get isOpen(): boolean {
    return this.#access.gate === undefined;
  }

  admit(request: FastifyRequest, _reply: FastifyReply, done: Done): void {
    const { gate } = this.#access;
    if (gate === undefined) return done();
    const settle = (verdict: Grant | FailedOutcome) => {
      if (verdict.kind === 'grant') (request.raw as Admitted)[grantKey] = verdict;
      else if (!openRoutes.includes(request.routeOptions.url ?? '')) {
        return done(new KvError(verdict.code, verdict.detail));
      }
      done();
    };
    const verdict = gate.decide(request.raw.headers.authorization, Date.now());
    if (verdict instanceof Promise) verdict.then(settle, done);
    else settle(verdict);
  }

  /** What this request may ask of the store. */
  storeFor({ raw }: FastifyRequest): KeyStore {
    const grant = (raw as Admitted)[grantKey];
    if (grant === undefined) return this.#store;
    return new RestrictedStore(this.#store, grant, () => this.#access.isInForce(grant));
  }

  /**
   * Of the changes of all keys that begin with the prefix.
   * @throws KvError access-denied
   */
  reachOf({ raw }: FastifyRequest, prefix: Buffer): Reach {
    const grant = (raw as Admitted)[grantKey];
    if (grant === undefined)
      return { sees: (key) => covers({ prefixes: [prefix] }, key), isInForce: () => this.isOpen };
    if (!grant.read) throw new KvError(readDenied.code, readDenied.detail);
    const prefixes = prefixesWithin(grant, prefix);
    return { sees: (key) => covers({ prefixes }, key), isInForce: () => this.#access.isInForce(grant) };
  }
}
