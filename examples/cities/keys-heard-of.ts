/** A client that watches changes, and notes which keys it has heard of. */

import { connect } from '../../src/client/connect.ts';

export class KeysHeardOf {
  readonly #keys = new Set<string>();
  readonly #stop = new AbortController();
  #onKey = () => {};

  /** Resolves once nothing that is written from now on can be missed. */
  static begin(url: string, prefix: string): Promise<KeysHeardOf> {
    const watch = new KeysHeardOf();
    return new Promise((resolve, reject) => {
      watch.#read(url, prefix, () => resolve(watch)).catch(reject);
    });
  }

  /** How many they are when there are as many as that, or time is out. */
  async untilThereAre(keys: number, deadlineMs: number): Promise<number> {
    const deadline = setTimeout(() => this.#stop.abort(), deadlineMs);
    while (this.#keys.size < keys && !this.#stop.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#onKey = resolve;
        this.#stop.signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    clearTimeout(deadline);
    this.#stop.abort();
    return this.#keys.size;
  }

  async #read(url: string, prefix: string, onPosition: () => void): Promise<void> {
    for await (const { key } of connect(url).changes({ prefix, onPosition, signal: this.#stop.signal })) {
      this.#keys.add(key);
      this.#onKey();
    }
  }
}
