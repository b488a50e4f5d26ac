/**
 * The store as one client may see it. Every operation comes through here, whichever request asked for it: no route has
 * to remember what a token allows.
 */

import { type Listing, type ListQuery, mergedListing } from '../kv/listing.ts';
import type { Operation } from '../kv/operation.ts';
import type { FailedOutcome, Outcome } from '../kv/outcome.ts';
import type { Store, Timing } from '../kv/store.ts';
import { refusal } from './gate.ts';
import { type Grant, prefixesWithin, readDenied, refusalOf } from './grant.ts';

/** What a request may ask of the store. */
export type KeyStore = Pick<Store, 'execute' | 'list'>;

const noLongerValid = refusal('token-invalid', 'The token was revoked or has expired.');

export class RestrictedStore implements KeyStore {
  readonly #store: KeyStore;
  readonly #grant: Grant;
  readonly #isInForce: () => boolean;

  /** @param isInForce false once the grant counts no longer */
  constructor(store: KeyStore, grant: Grant, isInForce: () => boolean) {
    this.#store = store;
    this.#grant = grant;
    this.#isInForce = isInForce;
  }

  async execute(operation: Operation, timing?: Timing): Promise<Outcome> {
    return refusalOf(this.#grant, operation) ?? this.#store.execute(operation, timing);
  }

  /**
   * What lies under each of the grant's prefixes, one after the other in the order of the listing. With a delimiter a prefix that is longer than the
   * one that was asked for is where the folders begin.
   */
  async list(query: ListQuery): Promise<Listing | FailedOutcome> {
    if (!this.#grant.read) return readDenied;
    // A stream of many pages may take long.
    if (!this.#isInForce()) return noLongerValid;
    let page: Listing = { kind: 'listing', entries: [], next: undefined };
    const prefixes = prefixesWithin(this.#grant, query.prefix);
    for (const prefix of query.reverse ? prefixes.toReversed() : prefixes) {
      const part = await this.#store.list({ ...query, prefix });
      if (part.kind === 'failed') return part;
      page = mergedListing([page, part], query).page;
      if (page.next !== undefined) return page;
    }
    return page;
  }
}
