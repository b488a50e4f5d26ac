/** What a router has asked of a shard that is then removed. */

import { expect, test } from 'vitest';
import { Ring } from '../../src/partition/ring.ts';
import type { ShardAddress } from '../../src/routing/dispatcher.ts';
import { startPartitionedStore } from '../support/in-process-shards.ts';
import { listQuery } from '../support/operations.ts';

test('a listing that waits for a shard is asked of the others once it is removed', async () => {
  const { store, ring, addresses } = await startPartitionedStore(2);
  const [first, second] = addresses as [ShardAddress, ShardAddress];
  store.adopt(ring, [first, { ...second, state: 'starting', socketPath: null }], 2);
  const listing = store.list(listQuery({ limit: 10 }));
  store.adopt(new Ring(ring.epoch + 1, new Uint16Array(ring.slots).fill(1)), [first], 2);
  expect(await listing).toMatchObject({ kind: 'listing', entries: [] });
});
