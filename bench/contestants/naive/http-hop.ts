/**
 * Partitioned the first naive way: the router forwards each request over HTTP to the shard of its key, which is an
 * HTTP server of its own. `http-hop.js <shards> <directory>` is the router and forks itself as the shards.
 */

import { fork } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';
import { urlOfKey } from '../../../src/http/key-in-url.ts';
import type { Outcome } from '../../../src/kv/outcome.ts';
import { announce } from '../announcement.ts';
import { type NaiveOperation, type NaiveStore, serveApp } from './serve-app.ts';
import { openShardFileStore } from './shard-file-store.ts';

/** To each shard; one request at a time on each. */
const poolConnections = 64;

class HttpHopStore implements NaiveStore {
  readonly #shards: readonly Pool[];

  constructor(ports: readonly number[]) {
    this.#shards = ports.map((port) => new Pool(`http://127.0.0.1:${port}`, { connections: poolConnections }));
  }

  async execute(operation: NaiveOperation): Promise<Outcome> {
    const shard = this.#shards[operation.slot % this.#shards.length] as Pool;
    const key = urlOfKey(operation.key);
    const path = `/v1/kv/${key}`;
    if (operation.kind === 'get') {
      const { statusCode, headers, body } = await shard.request({ method: 'GET', path });
      const value = Buffer.from(await body.arrayBuffer());
      if (statusCode === 404) return { kind: 'absent' };
      if (statusCode !== 200) throw new Error(`The shard answered ${statusCode}.`);
      return {
        kind: 'value',
        version: versionOf(headers['etag']),
        contentType: String(headers['content-type']),
        value,
      };
    }
    if (operation.kind === 'put') {
      const { statusCode, headers, body } = await shard.request({
        method: 'PUT',
        path,
        headers: { 'content-type': operation.contentType },
        body: operation.value,
      });
      await body.dump();
      if (statusCode !== 201 && statusCode !== 204) throw new Error(`The shard answered ${statusCode}.`);
      return { kind: statusCode === 201 ? 'created' : 'replaced', version: versionOf(headers['etag']) };
    }
    const counter = `/v1/counters/${key}?by=${operation.by}`;
    const { statusCode, headers, body } = await shard.request({ method: 'POST', path: counter });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`The shard answered ${statusCode}.`);
    return { kind: 'counted', version: versionOf(headers['etag']), number: BigInt(text) };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#shards.map((shard) => shard.close()));
  }
}

function versionOf(etag: string | string[] | undefined): number {
  return Number(String(etag).slice(1, -1));
}

const [count, directory, shardNumber] = process.argv.slice(2) as [string, string, string?];

if (shardNumber === undefined) {
  const shards = Array.from({ length: Number(count) }, (_, index) =>
    fork(fileURLToPath(import.meta.url), [count, directory, String(index + 1)]),
  );
  const ports = await Promise.all(
    shards.map((shard) => new Promise<number>((resolve) => shard.once('message', resolve as never))),
  );
  const server = await serveApp(new HttpHopStore(ports));
  const processes = shards.map((shard) => ({ role: 'shard', pid: shard.pid as number }));
  announce((server.address() as AddressInfo).port, [{ role: 'router', pid: process.pid }, ...processes]);
} else {
  const server = await serveApp(openShardFileStore(directory, Number(shardNumber)));
  process.send?.((server.address() as AddressInfo).port);
  process.on('disconnect', () => process.emit('SIGTERM'));
}
