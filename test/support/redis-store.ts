/** Stores over Redis, stopped at the end of the test. */

import { onTestFinished } from 'vitest';
import type { RedisAddress } from '../../src/config/redis-address.ts';
import { RedisStore, type RedisStoreEvents } from '../../src/redis/redis-store.ts';

type Who = Partial<Pick<RedisAddress, 'username' | 'password'>>;

export function newRedisStore(
  nodes: RedisAddress['nodes'],
  events: Partial<RedisStoreEvents> = {},
  who: Who = {},
): RedisStore {
  const store = new RedisStore(
    { nodes, username: null, password: null, ...who },
    { onSettled: () => {}, onAcknowledgement: () => {}, onTrouble: () => {}, ...events },
  );
  onTestFinished(() => store.stop());
  return store;
}

/** One that serves. */
export async function openRedisStore(
  nodes: RedisAddress['nodes'],
  events: Partial<RedisStoreEvents> = {},
  who: Who = {},
): Promise<RedisStore> {
  const store = newRedisStore(nodes, events, who);
  while (store.standing.kind !== 'serving') await new Promise((resolve) => setTimeout(resolve, 1));
  return store;
}
