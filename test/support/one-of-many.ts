/** Several stores over the same data as one store: each operation goes to the next of them, as clients of clones go. */

import type { Store } from '../../src/kv/store.ts';

export function oneOfMany(stores: readonly Store[]): Store {
  let turn = 0;
  const next = () => stores[turn++ % stores.length] as Store;
  return {
    execute: (operation, timing) => next().execute(operation, timing),
    list: (query) => next().list(query),
    feed: (stores[0] as Store).feed,
    stop: async () => {
      for (const store of stores) await store.stop();
    },
  };
}
