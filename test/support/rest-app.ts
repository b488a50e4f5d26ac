/** The real REST app on a port of its own, over three in-process shards or another store; it counts what reaches that. */

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { AccessControl } from '../../src/access/access-control.ts';
import type { RateLimit } from '../../src/access/rate-limiter.ts';
import type { AccessLog } from '../../src/http/access-log.ts';
import { createApp } from '../../src/http/app.ts';
import { allowedHostsOf } from '../../src/http/host-guard.ts';
import type { Certificate } from '../../src/http/http-server.ts';
import type { TopologyView } from '../../src/http/routes/service-routes.ts';
import type { Operation } from '../../src/kv/operation.ts';
import type { Store } from '../../src/kv/store.ts';
import type { WireError } from '../../src/wire/frame.ts';
import { startPartitionedStore } from './in-process-shards.ts';

export type RestApp = {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  readonly executed: Operation[];
  readonly defects: unknown[];
  /** Each has cost a connection to a shard. */
  readonly wireErrors: () => readonly WireError[];
  /** Resolves when no client is connected any more. */
  readonly retire: () => Promise<void>;
};

export type RestAppOptions = {
  readonly valueBytesMax?: number;
  readonly bodyMemoryBytesMax?: number;
  readonly allowedOrigins?: readonly string[];
  readonly access?: AccessControl;
  readonly rateLimit?: RateLimit;
  readonly accessLog?: AccessLog;
  readonly certificate?: Certificate;
  /** Nothing is partitioned, unless said otherwise. */
  readonly topology?: () => TopologyView;
};

const MiB = 1024 * 1024;

export async function startRestApp(options: RestAppOptions = {}): Promise<RestApp> {
  const { store, ring, wireErrors } = await startPartitionedStore(3);
  const topology = () => ({ ...ring.describe(), shards: [{ id: 1, state: 'ready', slots: ring.slotsOf(1).length }] });
  return { ...(await startRestAppOver(store, { topology, ...options })), wireErrors };
}

export async function startRestAppOver(
  store: Store,
  {
    valueBytesMax = MiB,
    bodyMemoryBytesMax = 64 * MiB,
    allowedOrigins = [],
    access = new AccessControl(),
    rateLimit,
    accessLog,
    certificate,
    topology = () => ({ epoch: 0, ranges: [], shards: [] }),
  }: RestAppOptions = {},
): Promise<RestApp> {
  const executed: Operation[] = [];
  const defects: unknown[] = [];
  const app = createApp({
    store: {
      execute: (operation, timing) => {
        executed.push(operation);
        return store.execute(operation, timing);
      },
      list: (query) => store.list(query),
      feed: store.feed,
      stop: () => store.stop(),
    },
    service: {
      topology,
      readiness: () => ({ ready: true, failedShards: [], silentShards: [] }),
      isPrimarySilent: () => false,
    },
    valueBytesMax,
    bodyMemoryBytesMax,
    allowedHosts: allowedHostsOf('127.0.0.1', []),
    allowedOrigins,
    access,
    rateLimit,
    accessLog,
    certificate,
    onDefect: (error, requestId) => defects.push(requestId === undefined ? error : { error, requestId }),
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    server: app.server,
    executed,
    defects,
    wireErrors: () => [],
    retire: () => app.retirement.begin(),
  };
}
