/**
 * Partitioned the second naive way: the router sends each request as JSON over the IPC channel that `fork` opens, to
 * the shard of its key. `ipc-hop.js <shards> <directory>` is the router and forks itself as the shards.
 */

import { type ChildProcess, fork } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Outcome } from '../../../src/kv/outcome.ts';
import { slotOf } from '../../../src/partition/slot.ts';
import { announce } from '../announcement.ts';
import { type NaiveOperation, type NaiveStore, serveApp } from './serve-app.ts';
import { openShardFileStore } from './shard-file-store.ts';

/** JSON knows no bytes, and no numbers of 64 bits: those travel as text, bytes as latin1, since base64 would be longer. */
type Question = { readonly id: number; readonly key: string } & (
  | { readonly kind: 'get' }
  | { readonly kind: 'put'; readonly contentType: string; readonly value: string }
  | { readonly kind: 'increment'; readonly by: string }
);
type Answer = { readonly id: number; readonly outcome: { readonly value?: string; readonly number?: string } };

class IpcHopStore implements NaiveStore {
  readonly #shards: readonly ChildProcess[];
  readonly #waiting = new Map<number, (outcome: Outcome) => void>();
  #id = 0;

  constructor(shards: readonly ChildProcess[]) {
    this.#shards = shards;
    for (const shard of shards) shard.on('message', (answer) => this.#settle(answer as Answer));
  }

  execute(operation: NaiveOperation): Promise<Outcome> {
    const id = this.#id++;
    const question = questionOf(id, operation);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, resolve);
      this.#shards[operation.slot % this.#shards.length]?.send(question, (error) => {
        if (error !== null) reject(error);
      });
    });
  }

  #settle({ id, outcome: { value, number, ...rest } }: Answer): void {
    const bytes = value === undefined ? {} : { value: Buffer.from(value, 'latin1') };
    const counted = number === undefined ? {} : { number: BigInt(number) };
    this.#waiting.get(id)?.({ ...rest, ...bytes, ...counted } as Outcome);
    this.#waiting.delete(id);
  }

  async stop(): Promise<void> {
    for (const shard of this.#shards) if (shard.connected) shard.disconnect();
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
  process.on('message', async (question: Question) => {
    const outcome = await store.execute(operationOf(question));
    process.send?.({ id: question.id, outcome: tellable(outcome) });
  });
  process.on('disconnect', async () => {
    await store.stop();
    process.exit(0);
  });
}

function questionOf(id: number, operation: NaiveOperation): Question {
  const common = { id, key: operation.key.toString('latin1') };
  switch (operation.kind) {
    case 'get':
      return { ...common, kind: 'get' };
    case 'put':
      return { ...common, kind: 'put', contentType: operation.contentType, value: operation.value.toString('latin1') };
    case 'increment':
      return { ...common, kind: 'increment', by: String(operation.by) };
  }
}

function operationOf(question: Question): NaiveOperation {
  const key = Buffer.from(question.key, 'latin1');
  const address = { key, slot: slotOf(key) };
  switch (question.kind) {
    case 'get':
      return { ...address, kind: 'get' };
    case 'put':
      return {
        ...address,
        kind: 'put',
        contentType: question.contentType,
        value: Buffer.from(question.value, 'latin1'),
      };
    case 'increment':
      return { ...address, kind: 'increment', by: BigInt(question.by) };
  }
}

function tellable(outcome: Outcome): object {
  if (outcome.kind === 'value') return { ...outcome, value: outcome.value.toString('latin1') };
  return outcome.kind === 'counted' ? { ...outcome, number: String(outcome.number) } : outcome;
}
