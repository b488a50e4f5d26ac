/** State in a variable, as on the first page of many a tutorial. One process of it works; clones of it disagree. */

import type { Outcome } from '../../../src/kv/outcome.ts';
import type { NaiveOperation, NaiveStore } from './serve-app.ts';

type Entry = { readonly version: number; readonly contentType: string; readonly value: Buffer };

export class MemoryStore implements NaiveStore {
  readonly #entries = new Map<string, Entry>();
  #version = 0;

  async execute(operation: NaiveOperation): Promise<Outcome> {
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
      case 'increment': {
        const number = BigInt(entry?.value.toString() ?? 0) + operation.by;
        const value = Buffer.from(String(number));
        this.#entries.set(key, { version: ++this.#version, contentType: 'text/plain', value });
        return { kind: 'counted', version: this.#version, number };
      }
    }
  }

  async stop(): Promise<void> {}
}
