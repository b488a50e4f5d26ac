/** Looks whether anything was written, once for all who wait to hear of it. While nobody waits nothing is asked. */

import { beginning, type FeedSource, type ShardId } from '../../kv/feed.ts';

/** So much later an event is seen at most. */
const intervalMs = 100;

type Waiting = { readonly readLsnOf: (shard: ShardId) => number; readonly wake: () => void };

export type More = {
  /** Resolves when there is more than what was read, or the watch stops. */
  readonly come: Promise<void>;
  /** Idempotent. Whoever stops waiting says so: each one that waits is looked at with every write. */
  readonly cancel: () => void;
};

export class FeedWatch {
  readonly #feed: FeedSource;
  readonly #lookingAt = new Set<ShardId>();
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | undefined;

  constructor(feed: FeedSource) {
    this.#feed = feed;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  more(readLsnOf: (shard: ShardId) => number): More {
    let wake = () => {};
    const come = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const waiting = { readLsnOf, wake };
    this.#waiting.add(waiting);
    this.#timer ??= setTimeout(() => this.#look(), intervalMs);
    return { come, cancel: () => this.#waiting.delete(waiting) };
  }

  /** Idempotent. */
  stop(): void {
    clearTimeout(this.#timer);
    for (const { wake } of this.#waiting) wake();
    this.#waiting.clear();
  }

  #look(): void {
    this.#timer = this.#waiting.size === 0 ? undefined : setTimeout(() => this.#look(), intervalMs);
    if (this.#timer === undefined) return;
    for (const shard of this.#feed.shards()) if (!this.#lookingAt.has(shard)) void this.#lookAt(shard);
  }

  async #lookAt(shard: ShardId): Promise<void> {
    this.#lookingAt.add(shard);
    const page = await this.#feed.page(shard, beginning, 0);
    this.#lookingAt.delete(shard);
    // A shard that is away has nothing new; the next look will find it back.
    if (page.kind !== 'feed') return;
    for (const waiting of this.#waiting) {
      if (waiting.readLsnOf(shard) >= page.lsn) continue;
      this.#waiting.delete(waiting);
      waiting.wake();
    }
  }
}
