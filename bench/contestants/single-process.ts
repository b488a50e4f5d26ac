/**
 * The service without shards: the same REST app and the same SQLite file, in one process. What the service costs
 * more than this is the price of routing and of the wire.
 */

import { join } from 'node:path';
import { settings } from '../../src/config/service-config.ts';
import { createApp } from '../../src/http/app.ts';
import { allowedHostsOf } from '../../src/http/host-guard.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { SqliteStore } from '../../src/sqlite/sqlite-store.ts';
import { announce } from './announcement.ts';

const host = '127.0.0.1';
const [directory] = process.argv.slice(2) as [string];

const store = new SqliteStore(new ShardFile(join(directory, 'single.sqlite'), { service: 'bench', shard: 1 }));
const app = createApp({
  store,
  service: {
    topology: () => ({ epoch: 1, ranges: [], shards: [] }),
    readiness: () => ({ ready: true, failedShards: [] }),
  },
  valueBytesMax: settings.valueBytesMax.default,
  allowedHosts: allowedHostsOf(host, []),
  onDefect: (error) => console.error(error),
});
await app.listen({ host, port: 0 });
announce(app.server);

process.on('SIGTERM', async () => {
  await app.close();
  await store.stop();
  process.exit(0);
});
