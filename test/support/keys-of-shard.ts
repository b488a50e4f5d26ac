/** Keys that a given shard owns, for tests that look at one shard. */

import { keyOfText } from '../../src/kv/key.ts';
import { type RingDescription, ringOf } from '../../src/partition/ring.ts';
import { slotOf } from '../../src/partition/slot.ts';

export function keysOfShard(description: RingDescription, shard: number, count: number, prefix: string): string[] {
  const ring = ringOf(description);
  const keys: string[] = [];
  for (let index = 0; keys.length < count; index++) {
    const key = `${prefix}-${index}`;
    if (ring.shardOf(slotOf(keyOfText(key))) === shard) keys.push(key);
  }
  return keys;
}
