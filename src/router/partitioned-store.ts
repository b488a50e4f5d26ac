/**
 * The Store over shards: looks a slot's owner up in the ring and forwards to it. It keeps no data; what waits
 * for a shard waits in that shard's link.
 */

import type { Operation, Outcome, Store } from '../kv/store.ts';
import type { Ring } from '../partition/ring.ts';
import { type LinkEvents, type LinkLimits, ShardLink } from '../wire/shard-link.ts';

export type ShardAddress = {
  readonly id: number;
  readonly state: string;
  /** Set exactly while the shard is ready. */
  readonly socketPath: string | null;
};

export class PartitionedStore implements Store {
  readonly #limits: LinkLimits;
  readonly #events: LinkEvents;
  readonly #links = new Map<number, ShardLink>();
  #ring: Ring;

  constructor(ring: Ring, limits: LinkLimits, events: LinkEvents) {
    this.#ring = ring;
    this.#limits = limits;
    this.#events = events;
  }

  execute(operation: Operation): Promise<Outcome> {
    const shard = this.#ring.shardOf(operation.slot);
    const link = this.#links.get(shard);
    if (link === undefined) throw new Error(`the ring names shard ${shard}, of which nothing is known`);
    return new Promise((settle) => link.request(this.#ring.epoch, operation, settle));
  }

  /** Epochs never go back: an older ring is late news. */
  adopt(ring: Ring, addresses: readonly ShardAddress[]): void {
    if (ring.epoch >= this.#ring.epoch) this.#ring = ring;
    for (const { id, state, socketPath } of addresses) {
      const link = this.#links.get(id) ?? new ShardLink(id, this.#limits, this.#events);
      this.#links.set(id, link);
      if (socketPath !== null) link.serveAt(socketPath);
      else if (state === 'failed') link.giveUp();
      else link.wait();
    }
  }

  /** Ids of shards by how their links stand. */
  standing(): { readonly serving: number[]; readonly failed: number[]; readonly away: number[] } {
    const links = [...this.#links.values()];
    const idsOf = (some: ShardLink[]) => some.map(({ shard }) => shard);
    return {
      serving: idsOf(links.filter(({ state }) => state === 'serving')),
      failed: idsOf(links.filter(({ state }) => state === 'failed')),
      away: idsOf(links.filter(({ state }) => state === 'waiting' || state === 'connecting')),
    };
  }

  async stop(): Promise<void> {
    for (const link of this.#links.values()) link.stop();
  }
}
