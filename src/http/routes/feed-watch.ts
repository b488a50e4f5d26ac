/** Looks whether anything was written, once for all who wait to hear of it. While nobody waits nothing is asked. */

import type { FeedSource, ShardId } from '../../kv/feed.ts';

/** So much later an event is seen at most. */
const intervalMs = 100;

type Waiting = { readonly readLsnOf: (shard: ShardId) => number; readonly wake: () => void };

export class FeedWatch {
  readonly #feed: FeedSource;
  readonly #lookingAt = new Set<ShardId>();
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(feed: FeedSource) {
    this.#feed = feed;
  }

  /** Resolves when there is more than what was read. */
  more(readLsnOf: (shard: ShardId) => number): Promise<void> {
    return new Promise((wake) => {
      this.#waiting.push({ readLsnOf, wake });
      this.#timer ??= setTimeout(() => this.#look(), intervalMs);
    });
  }

  /** Idempotent. */
  stop(): void {
    clearTimeout(this.#timer);
    for (const { wake } of this.#waiting.splice(0)) wake();
  }

  #look(): void {
    this.#timer = this.#waiting.length === 0 ? undefined : setTimeout(() => this.#look(), intervalMs);
    for (const shard of this.#feed.shards()) if (!this.#lookingAt.has(shard)) void this.#lookAt(shard);
  }

  async #lookAt(shard: ShardId): Promise<void> {
    this.#lookingAt.add(shard);
    const page = await this.#feed.page(shard, 0, 0);
    this.#lookingAt.delete(shard);
    // A shard that is away has nothing new; the next look will find it back.
    if (page.kind !== 'feed') return;
    const behind = this.#waiting.filter(({ readLsnOf }) => readLsnOf(shard) < page.lsn);
    this.#waiting = this.#waiting.filter((one) => !behind.includes(one));
    for (const { wake } of behind) wake();
  }
}
