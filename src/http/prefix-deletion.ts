/**
 * Deletes all keys under a prefix, in small steps between which others are served. A key goes only if it has not been
 * written since it was listed: what is written meanwhile is never lost. A deletion keeps nothing of itself: where it
 * broke off, another one goes on.
 */

import type { KeyStore } from '../access/restricted-store.ts';
import { type ListEntry, type ListPosition, largestPage, positionOf } from '../kv/listing.ts';
import type { FailedOutcome, Outcome } from '../kv/outcome.ts';
import { addressOf } from './request/key-request.ts';

/** Keys that are deleted at a time: 2 ms of a shard that has them all, and one commit. */
const keysAtATime = 128;

export type DeletionStep = {
  /** Since this deletion began. */
  readonly deleted: number;
  /** Keys that stayed because they were written after they were listed. */
  readonly kept: number;
  /** All before it is done, and the rest if undefined; unless there is a failure. */
  readonly next: ListPosition | undefined;
  /** What ended the deletion. */
  readonly failure?: FailedOutcome;
};

/** @param after where an earlier deletion broke off */
export async function* deletePrefix(
  store: KeyStore,
  prefix: Buffer,
  after: ListPosition | undefined,
): AsyncGenerator<DeletionStep, void, undefined> {
  let [deleted, kept, next] = [0, 0, after];
  do {
    const page = await store.list(largestPage({ prefix, after: next, values: false }));
    if (page.kind === 'failed') return yield { deleted, kept, next, failure: page };
    for (let first = 0; first < page.entries.length; first += keysAtATime) {
      const entries = page.entries.slice(first, first + keysAtATime);
      const outcomes = await Promise.all(entries.map((entry) => deleteUnchanged(store, entry)));
      deleted += outcomes.filter(({ kind }) => kind === 'deleted').length;
      kept += outcomes.filter((one) => one.kind === 'precondition-failed' && one.version !== 0).length;
      const failure = outcomes.find((one): one is FailedOutcome => one.kind === 'failed');
      if (failure !== undefined) return yield { deleted, kept, next, failure };
      next = positionOf(entries.at(-1) as ListEntry);
      yield { deleted, kept, next };
    }
    next = page.next;
  } while (next !== undefined);
  yield { deleted, kept, next };
}

async function deleteUnchanged(store: KeyStore, entry: ListEntry): Promise<Outcome> {
  if (entry.kind === 'prefix') throw new TypeError('a listing without a delimiter has no common prefixes');
  return store.execute({ kind: 'delete', ...addressOf(entry.key), condition: { ifMatch: [entry.version] } });
}
