/** Redis as clones share it. */

import type { Readiness } from '../http/routes/service-routes.ts';
import { RedisStore, type RedisStoreEvents } from '../redis/redis-store.ts';
import type { SharedRedisAddress } from '../supervision/messages.ts';
import type { SharedStore } from './shared-store.ts';

export class SharedRedis implements SharedStore {
  readonly store: RedisStore;

  constructor(address: SharedRedisAddress, events: RedisStoreEvents) {
    this.store = new RedisStore(address, events);
  }

  /** A clone without Redis can do nothing: a balancer had better ask another. */
  readiness(): Readiness {
    const { standing } = this.store;
    switch (standing.kind) {
      case 'serving':
        return { ready: true, failedShards: [] };
      case 'silent':
        return { ready: false, why: 'Redis does not answer.' };
      case 'unfit':
        return { ready: false, why: standing.why };
    }
  }

  counters(): undefined {
    return undefined;
  }

  audit(): void {}

  stop(): Promise<void> {
    return this.store.stop();
  }
}
