/**
 * Partitioned the second naive way: the router sends each request as JSON over the IPC channel that `fork` opens, to
 * the shard of its key. `ipc-hop.js <shards> <directory>` is the router and forks itself as the shards.
 */

import { type ChildProcess, fork } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Operation, Outcome, Store } from '../../../src/kv/store.ts';
import { slotOf } from '../../../src/partition/slot.ts';
import { announce } from '../announcement.ts';
import { serveApp } from './serve-app.ts';
import { openShardFileStore } from './shard-file-store.ts';

/** Bytes travel as latin1 text: JSON knows no bytes, and base64 would be longer. */
type Question = { readonly id: number; readonly kind: string; readonly key: string; readonly put?: Put };
type Put = { readonly contentType: string; readonly value: string };
type Answer = { readonly id: number; readonly outcome: { readonly kind: string; readonly value?: string } };

class IpcHopStore implements Store {
  readonly #shards: readonly ChildProcess[];
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  #id = 0;

  constructor(shards: readonly ChildProcess[]) {
    this.#shards = shards;
    for (const shard of shards) shard.on('message', (answer) => this.#settle(answer as Answer));
  }

  execute(operation: Operation): Promise<Outcome> {
    const id = this.#id++;
    const { kind, key, slot } = operation;
    const question: Question = {
      ...{ id, kind, key: key.toString('latin1') },
      ...(kind === 'put' && {
        put: { contentType: operation.contentType, value: operation.value.toString('latin1') },
      }),
    };
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, resolve);
      this.#shards[slot % this.#shards.length]?.send(question, (error) => {
        if (error !== null) reject(error);
      });
    });
  }

  #settle({ id, outcome }: Answer): void {
    const isValue = outcome.value !== undefined;
    this.#waiting.get(id)?.(
      (isValue ? { ...outcome, value: Buffer.from(outcome.value, 'latin1') } : outcome) as Outcome,
    );
    this.#waiting.delete(id);
  }

  async stop(): Promise<void> {
    for (const shard of this.#shards) shard.disconnect();
  }
}

const [count, directory, shardNumber] = process.argv.slice(2) as [string, string, string?];

if (shardNumber === undefined) {
  const shards = Array.from({ length: Number(count) }, (_, index) =>
    fork(fileURLToPath(import.meta.url), [count, directory, String(index + 1)]),
  );
  const server = await serveApp(new IpcHopStore(shards));
  const processes = shards.map((shard) => ({ role: 'shard', pid: shard.pid as number }));
  announce((server.address() as AddressInfo).port, [{ role: 'router', pid: process.pid }, ...processes]);
} else {
  const store = openShardFileStore(directory, Number(shardNumber));
  process.on('message', async ({ id, kind, key: keyText, put }: Question) => {
    const key = Buffer.from(keyText, 'latin1');
    const address = { key, slot: slotOf(key) };
    const operation =
      kind === 'put' && put !== undefined
        ? { kind: 'put' as const, ...address, contentType: put.contentType, value: Buffer.from(put.value, 'latin1') }
        : { kind: 'get' as const, ...address };
    const outcome = await store.execute(operation);
    const answer = outcome.kind === 'value' ? { ...outcome, value: outcome.value.toString('latin1') } : outcome;
    process.send?.({ id, outcome: answer });
  });
  process.on('disconnect', async () => {
    await store.stop();
    process.exit(0);
  });
}
