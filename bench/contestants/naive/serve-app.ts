/**
 * The service's REST app over a store of the benchmark's own, so that naive contestants differ from the service in
 * how they scale and in nothing else.
 */

import type { Server } from 'node:http';
import { settings } from '../../../src/config/service-config.ts';
import { createApp } from '../../../src/http/app.ts';
import { allowedHostsOf } from '../../../src/http/host-guard.ts';
import type { Operation } from '../../../src/kv/operation.ts';
import type { Outcome } from '../../../src/kv/outcome.ts';

/** All that the benchmark asks for, without conditions and expiry. */
export type NaiveOperation = Extract<Operation, { readonly kind: 'get' | 'put' | 'increment' }>;

export interface NaiveStore {
  execute(operation: NaiveOperation): Promise<Outcome>;
  stop(): Promise<void>;
}

const host = '127.0.0.1';

/** On any free port; clones of one node:cluster share it. Ends the process in order on SIGTERM. */
export async function serveApp(store: NaiveStore): Promise<Server> {
  const app = createApp({
    store: {
      execute: async (operation) => {
        if (isNaive(operation)) return store.execute(operation);
        throw new Error(`The benchmark never asks for ${operation.kind}.`);
      },
      list: async () => {
        throw new Error('The benchmark never asks for a list.');
      },
      feed: undefined,
      stop: () => store.stop(),
    },
    service: {
      topology: () => ({ epoch: 1, ranges: [], shards: [] }),
      readiness: () => ({ ready: true, failedShards: [], silentShards: [] }),
      isPrimarySilent: () => false,
    },
    valueBytesMax: settings.valueBytesMax.default,
    bodyMemoryBytesMax: settings.bodyMemoryBytesMax.default,
    allowedHosts: allowedHostsOf(host, []),
    allowedOrigins: [],
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

function isNaive(operation: Operation): operation is NaiveOperation {
  return operation.kind === 'get' || operation.kind === 'put' || operation.kind === 'increment';
}
