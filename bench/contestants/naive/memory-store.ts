/** State in a variable, as on the first page of many a tutorial. One process of it works; clones of it disagree. */

import type { Operation, Outcome, Store } from '../../../src/kv/store.ts';

type Entry = { readonly version: number; readonly contentType: string; readonly value: Buffer };

export class MemoryStore implements Store {
  readonly #entries = new Map<string, Entry>();
  #version = 0;

  async execute(operation: Operation): Promise<Outcome> {
    const key = operation.key.toString('latin1');
    const entry = this.#entries.get(key);
    switch (operation.kind) {
      case 'get':
        return entry === undefined ? { kind: 'absent' } : { kind: 'value', ...entry };
      case 'put': {
        const { contentType, value } = operation;
        this.#entries.set(key, { version: ++this.#version, contentType, value });
        return { kind: entry === undefined ? 'created' : 'replaced', version: this.#version };
      }
      default:
        throw new Error(`The benchmark never sends ${operation.kind}.`);
    }
  }

  async stop(): Promise<void> {}
}
