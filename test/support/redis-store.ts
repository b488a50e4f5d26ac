/** A RedisStore that serves. */

import { onTestFinished } from 'vitest';
import { RedisStore } from '../../src/redis/redis-store.ts';

export type OpenRedisStore = { readonly store: RedisStore; readonly acknowledgements: string[] };

export async function openRedisStore(nodes: readonly { host: string; port: number }[]): Promise<RedisStore> {
  const store = new RedisStore(
    { nodes, username: null, password: null },
    { onSettled: () => {}, onAcknowledgement: () => {}, onTrouble: () => {} },
  );
  onTestFinished(() => store.stop());
  while (!store.isServing) await new Promise((resolve) => setTimeout(resolve, 1));
  return store;
}
