/**
 * The service's REST app over a store of the benchmark's own, so that naive contestants differ from the service in
 * how they scale and in nothing else.
 */

import type { Server } from 'node:http';
import { settings } from '../../../src/config/service-config.ts';
import { createApp } from '../../../src/http/app.ts';
import { allowedHostsOf } from '../../../src/http/host-guard.ts';
import type { Store } from '../../../src/kv/store.ts';

const host = '127.0.0.1';

/** On any free port; clones of one node:cluster share it. Ends the process in order on SIGTERM. */
export async function serveApp(store: Store): Promise<Server> {
  const app = createApp({
    store,
    service: {
      topology: () => ({ epoch: 1, ranges: [], shards: [] }),
      readiness: () => ({ ready: true, failedShards: [] }),
    },
    valueBytesMax: settings.valueBytesMax.default,
    allowedHosts: allowedHostsOf(host, []),
    // The client is told with a 500, and the benchmark counts those.
    onDefect: () => {},
  });
  await app.listen({ host, port: 0 });
  process.on('SIGTERM', async () => {
    await app.close();
    await store.stop();
    process.exit(0);
  });
  return app.server;
}
