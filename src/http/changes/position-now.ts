/** Where a feed ends. */

import { KvError } from '../../kv/errors.ts';
import { beginning, type FeedSource } from '../../kv/feed.ts';
import type { FeedPosition } from '../../kv/feed-position.ts';

/** Shards that just let go of slots are asked again this often. */
const retryIntervalMs = 10;
const deadlineMs = 5_000;

/**
 * Where all ledgers end. Shards of one epoch have let each other's slots go: no key's newer change is before its
 * shard's end while an older one is after another shard's.
 * @throws KvError
 */
export async function positionNow(feed: FeedSource): Promise<FeedPosition> {
  const overdueAtMs = performance.now() + deadlineMs;
  for (;;) {
    const lastShard = feed.lastShard();
    const shards = feed.shards();
    const pages = await Promise.all(shards.map((shard) => feed.page(shard, beginning, 0)));
    const epochs = new Set<number>();
    const places = new Map<number, { lsn: number; carried: number }>();
    for (const [index, page] of pages.entries()) {
      if (page.kind === 'failed') throw new KvError(page.code, page.detail);
      epochs.add(page.epoch);
      places.set(shards[index] as number, { lsn: page.lsn, carried: 0 });
    }
    if (epochs.size === 1) return { places, lastShard };
    if (performance.now() > overdueAtMs) {
      throw new KvError('shard-unavailable', 'The shards did not agree in time which shard owns which slots.');
    }
    await new Promise((resolve) => setTimeout(resolve, retryIntervalMs));
  }
}
