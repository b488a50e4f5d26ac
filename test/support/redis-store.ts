/** Stores over Redis, stopped at the end of the test. */

import { onTestFinished } from 'vitest';
import { RedisStore, type RedisStoreEvents } from '../../src/redis/redis-store.ts';

type Nodes = readonly { readonly host: string; readonly port: number }[];

export function newRedisStore(nodes: Nodes, events: Partial<RedisStoreEvents> = {}): RedisStore {
  const store = new RedisStore(
    { nodes, username: null, password: null },
    { onSettled: () => {}, onAcknowledgement: () => {}, onTrouble: () => {}, ...events },
  );
  onTestFinished(() => store.stop());
  return store;
}

/** One that serves. */
export async function openRedisStore(nodes: Nodes): Promise<RedisStore> {
  const store = newRedisStore(nodes);
  while (!store.isServing) await new Promise((resolve) => setTimeout(resolve, 1));
  return store;
}
