/**
 * The values of events. The feed has none: each is read of whoever owns its key now. It is the one that the event tells of
 * as long as the key has the event's version, wherever its slot has moved meanwhile; else a later write has replaced it.
 */

import type { KeyStore } from '../../access/restricted-store.ts';
import { KvError } from '../../kv/errors.ts';
import type { FeedEvent } from '../../kv/feed-merge.ts';
import type { Outcome } from '../../kv/outcome.ts';
import { addressOf } from '../request/key-request.ts';

export type EventValue = Extract<Outcome, { kind: 'value' }> | 'gone';

/** Undefined where the event leaves none. @throws KvError when it cannot be read now */
export async function valueOfEvent(
  { type, key, version }: FeedEvent,
  store: KeyStore,
): Promise<EventValue | undefined> {
  if (type !== 'put') return undefined;
  const outcome = await store.execute({ kind: 'get', ...addressOf(key) });
  if (outcome.kind === 'failed') throw new KvError(outcome.code, outcome.detail);
  return outcome.kind === 'value' && outcome.version === version ? outcome : 'gone';
}

/** The bytes of a value that lie in memory until it is sent. */
export function bytesOfValue(value: EventValue | undefined): number {
  return value === undefined || value === 'gone' ? 0 : value.value.length;
}
