import { afterAll, beforeAll } from 'vitest';
import { RedisServer } from '../support/redis-servers.ts';
import { openRedisStore } from '../support/redis-store.ts';
import { describeStore } from './store-conformance.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.remove());

describeStore('RedisStore on one server', async () => {
  await server.ask('FLUSHALL');
  return openRedisStore([server.node]);
});
