/** Looks whether anything was written, once for all who wait to hear of it. While nobody waits nothing is asked. */

import type { FeedSource, Owner } from '../kv/feed.ts';

/** So much later an event is seen at most. */
const intervalMs = 100;

type Waiting = { readonly readLsnOf: (owner: Owner) => number; readonly wake: () => void };

export class FeedWatch {
  readonly #feed: FeedSource;
  readonly #lookingAt = new Set<Owner>();
  #waiting: Waiting[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(feed: FeedSource) {
    this.#feed = feed;
  }

  /** Resolves when there is more than what was read. */
  more(readLsnOf: (owner: Owner) => number): Promise<void> {
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
    for (const owner of this.#feed.owners()) if (!this.#lookingAt.has(owner)) void this.#lookAt(owner);
  }

  async #lookAt(owner: Owner): Promise<void> {
    this.#lookingAt.add(owner);
    const page = await this.#feed.page(owner, 0, 0);
    this.#lookingAt.delete(owner);
    // An owner that is away has nothing new; the next look will find it back.
    if (page.kind !== 'feed') return;
    const behind = this.#waiting.filter(({ readLsnOf }) => readLsnOf(owner) < page.lsn);
    this.#waiting = this.#waiting.filter((one) => !behind.includes(one));
    for (const { wake } of behind) wake();
  }
}
