/**
 * A Redis or Valkey that clones share, as one of them sees it: the store over it, and whether it can be served from.
 * What it holds is neither counted nor walked.
 */

import { redisAddressOf } from '../config/redis-address.ts';
import type { Readiness } from '../http/routes/service-routes.ts';
import type { Measure } from '../metrics/measure.ts';
import { RedisStore, type RedisStoreEvents } from '../redis/redis-store.ts';
import type { SharedStore } from './shared-store.ts';

export class SharedRedis implements SharedStore {
  readonly store: RedisStore;

  /** @throws TypeError when the primary sent what is no address: they are of different builds */
  constructor(url: string, events: RedisStoreEvents) {
    const address = redisAddressOf(url);
    if (address === undefined) throw new TypeError('the primary named a Redis by what is no address of one');
    this.store = new RedisStore(address, events);
  }

  /** A clone without Redis can do nothing: a balancer had better ask another. */
  readiness(): Readiness {
    const { standing } = this.store;
    switch (standing.kind) {
      case 'serving':
        return { ready: true, failedShards: [], silentShards: [] };
      case 'silent':
        return { ready: false, why: 'Redis does not answer.' };
      case 'unfit':
        return { ready: false, why: standing.why };
    }
  }

  counters(): undefined {
    return undefined;
  }

  held(): number {
    return this.store.held;
  }

  measures(): readonly Measure[] {
    return [];
  }

  audit(): void {}

  pin(): void {}

  unpin(): void {}

  stop(): Promise<void> {
    return this.store.stop();
  }
}
