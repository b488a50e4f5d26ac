/**
 * One page of keys out of those of all shards. Each shard lists the slots that are its own by the ring of one epoch,
 * and none answers that has another ring or is just giving slots away; so every key is seen by exactly one of them.
 * Pages are asked for anew until that holds.
 */

import { type Listing, type ListQuery, mergedListing } from '../kv/listing.ts';
import type { FailedOutcome } from '../kv/outcome.ts';
import type { Ring } from '../partition/ring.ts';
import type { Answer } from '../wire/answer-frame.ts';
import type { ShardQuery } from '../wire/request-frame.ts';

export type KeyListerContext = {
  /** The newest. */
  readonly ring: () => Ring;
  /** `moved` from a shard that cannot answer for its slots. */
  readonly ask: (shard: number, query: ShardQuery) => Promise<Answer>;
  readonly holdDeadlineMs: number;
  /** Between tries. */
  readonly retryIntervalMs: number;
};

/**
 * Of n shards each is asked for a little more than its n-th of a page, because keys are spread as by dice: two
 * standard deviations, so that of twenty pages some one needs a second question.
 */
function shareOf(limit: number, shards: number): number {
  const mean = limit / shards;
  return Math.min(limit, Math.ceil(mean + 2 * Math.sqrt(mean * (1 - 1 / shards))));
}

export class KeyLister {
  readonly #context: KeyListerContext;

  constructor(context: KeyListerContext) {
    this.#context = context;
  }

  async page(query: ListQuery): Promise<Listing | FailedOutcome> {
    const overdueAtMs = performance.now() + this.#context.holdDeadlineMs;
    for (;;) {
      const page = await this.#tryPage(query);
      if (page.kind !== 'moved') return page;
      if (performance.now() > overdueAtMs) return neverAgreed;
      await new Promise((resolve) => setTimeout(resolve, this.#context.retryIntervalMs));
    }
  }

  async #tryPage(query: ListQuery): Promise<Listing | FailedOutcome | { readonly kind: 'moved' }> {
    const ring = this.#context.ring();
    const shards = ring.shards();
    const limit = shareOf(query.limit, shards.length);
    const ask = (shard: number, wanted: ListQuery) =>
      this.#context.ask(shard, { kind: 'list', slot: 0, epoch: ring.epoch, query: wanted });
    const answers = await Promise.all(shards.map((shard) => ask(shard, { ...query, limit })));
    const parts: Listing[] = [];
    for (const answer of answers) {
      if (answer.kind === 'listing') parts.push(answer);
      else return answer.kind === 'failed' ? answer : { kind: 'moved' };
    }
    // Keys of one prefix may all be of one shard: it is asked again, until the page is full.
    for (;;) {
      const { page, lacking } = mergedListing(parts, query);
      if (lacking === undefined) return page;
      const at = parts.indexOf(lacking);
      const left = query.limit - page.entries.length;
      const more = await ask(shards[at] as number, { ...query, after: lacking.next, limit: left });
      // Shorter than it might be, the page is still whole.
      if (more.kind !== 'listing') return page.entries.length > 0 ? page : { kind: 'moved' };
      parts[at] = { ...more, entries: [...lacking.entries, ...more.entries] };
    }
  }
}

const neverAgreed: FailedOutcome = {
  kind: 'failed',
  code: 'shard-unavailable',
  detail: 'The shards did not agree in time which shard owns which slots.',
};
