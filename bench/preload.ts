/** Stores every key once in every store, over HTTP like any client, before anything is measured. */

import { Pool } from 'undici';
import { BenchFailure } from './failure.ts';
import { contentType, keyCount, pathOfKey, valueText } from './workload.ts';

const poolConnections = 8;
const pipelining = 32;
/** Five times what it takes on a small machine; whoever needs longer gets no comparison within a minute anyway. */
const deadlineMs = 30_000;
const keysPerReport = 1_000;

export type PreloadOptions = {
  readonly urls: readonly string[];
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Called now and then with the share of the keys that are stored. */
  readonly onProgress: (share: number) => void;
};

/** @throws BenchFailure when a key could not be stored, or the time is over */
export async function preload({ urls, seed, signal, onProgress }: PreloadOptions): Promise<void> {
  const pools = urls.map((url) => new Pool(url, { connections: poolConnections, pipelining }));
  const startedAtMs = performance.now();
  let next = 0;

  async function storeKeys(): Promise<void> {
    while (next < keyCount) {
      signal.throwIfAborted();
      const index = next++;
      await Promise.all(pools.map((pool) => store(pool, index, valueText(seed, index))));
      if (index % keysPerReport === 0) onProgress(index / keyCount);
      if (performance.now() - startedAtMs > deadlineMs) {
        throw new BenchFailure(
          `Only ${index} of ${keyCount} keys were stored in ${deadlineMs / 1_000} s: the disk or the machine is too busy.`,
        );
      }
    }
  }

  try {
    await Promise.all(Array.from({ length: poolConnections * pipelining }, storeKeys));
  } finally {
    await Promise.all(pools.map((pool) => pool.destroy()));
  }
}

async function store(pool: Pool, index: number, value: string): Promise<void> {
  const { statusCode, body } = await pool.request({
    method: 'PUT',
    path: pathOfKey(index),
    headers: { 'content-type': contentType },
    body: value,
    // Or undici sends no request behind a PUT before that is answered.
    idempotent: true,
    blocking: false,
  });
  if (statusCode !== 201) {
    throw new BenchFailure(`The preload of key ${index} was answered ${statusCode}: ${await body.text()}`);
  }
  await body.dump();
}
