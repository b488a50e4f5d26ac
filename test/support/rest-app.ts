/** The real REST app on a port of its own, over three in-process shards; it counts what reaches the store. */

import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { createApp } from '../../src/http/app.ts';
import { allowedHostsOf } from '../../src/http/host-guard.ts';
import type { Operation } from '../../src/kv/operation.ts';
import type { WireError } from '../../src/wire/frame.ts';
import { startPartitionedStore } from './in-process-shards.ts';

export type RestApp = {
  readonly url: string;
  readonly port: number;
  readonly executed: Operation[];
  readonly defects: unknown[];
  /** Each has cost a connection to a shard. */
  readonly wireErrors: () => readonly WireError[];
};

export type RestAppOptions = {
  readonly valueBytesMax?: number;
  readonly bodyMemoryBytesMax?: number;
  readonly allowedOrigins?: readonly string[];
};

const MiB = 1024 * 1024;

export async function startRestApp({
  valueBytesMax = MiB,
  bodyMemoryBytesMax = 64 * MiB,
  allowedOrigins = [],
}: RestAppOptions = {}): Promise<RestApp> {
  const { store, ring, wireErrors } = await startPartitionedStore(3);
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
      topology: () => ({ ...ring.describe(), shards: [{ id: 1, state: 'ready', slots: ring.slotsOf(1).length }] }),
      readiness: () => ({ ready: true, failedShards: [] }),
    },
    valueBytesMax,
    bodyMemoryBytesMax,
    allowedHosts: allowedHostsOf('127.0.0.1', []),
    allowedOrigins,
    onDefect: (error) => defects.push(error),
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, executed, defects, wireErrors };
}
