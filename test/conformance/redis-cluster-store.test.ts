/** A Redis Cluster of three masters and three replicas: whole, and while its masters die. */

import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { slotOf } from '../../src/partition/slot.ts';
import { indexKeyOf } from '../../src/redis/redis-entry.ts';
import { redisSlotOf } from '../../src/redis/redis-slot.ts';
import { RedisCluster, RedisServer } from '../support/redis-servers.ts';
import { openRedisStore } from '../support/redis-store.ts';
import { describeStore } from './store-conformance.ts';

describe('whole', () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });
  afterAll(() => cluster.remove());

  describeStore('RedisStore on a Cluster', async () => {
    await cluster.flush();
    // One of its nodes is enough to find the others.
    return openRedisStore(cluster.servers.slice(4, 5).map(({ node }) => node));
  });
});

test("we know which of a Cluster's slots everything of one of ours lies in", async () => {
  const server = await RedisServer.start(['--cluster-enabled', 'yes']);
  onTestFinished(() => server.remove());
  for (const slot of [0, 1, 10, 255, 4_096, 16_383]) {
    expect(await server.ask('CLUSTER', 'KEYSLOT', indexKeyOf(slot))).toBe(redisSlotOf(slot));
  }
});

describe('failing over', () => {
  let cluster: RedisCluster;
  let victim: RedisServer | undefined;
  let opened = 0;
  const failovers: number[] = [];
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });
  afterAll(() => cluster.remove());

  /** Its replica has taken over, and it is the replica now. */
  async function recovered(): Promise<void> {
    if (victim === undefined) return;
    while ((await cluster.masters()).length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
    await victim.start();
    await cluster.followed();
    failovers.push(victim.port);
    victim = undefined;
  }

  // Most tests write "key": its owner dies while some of them are under way, some milliseconds after their begin.
  describeStore('RedisStore on a Cluster whose masters die', async () => {
    await recovered();
    await cluster.flush();
    const store = await openRedisStore(cluster.servers.map(({ node }) => node));
    if (opened++ % 12 === 0) {
      const dying = await cluster.ownerOf(indexKeyOf(slotOf(Buffer.from('key'))));
      victim = dying;
      setTimeout(() => void dying.kill(), 2);
    }
    return store;
  });

  test('masters have died and were followed', async () => {
    await recovered();
    expect(failovers.length).toBeGreaterThan(5);
    expect(new Set(failovers).size).toBeGreaterThan(1);
  });
});
