/** A copy of everything, made and kept by watching from the start, and what was wrong with what it was told. */

import { connect } from '../../src/client/connect.ts';

export class Replica {
  readonly values = new Map<string, unknown>();
  readonly mistakes: string[] = [];
  isLive = false;
  readonly #versions = new Map<string, number>();
  readonly #over = new AbortController();
  readonly #running: Promise<void>;

  constructor(url: string) {
    this.#running = this.#run(url);
  }

  async finish(): Promise<void> {
    this.#over.abort();
    await this.#running;
  }

  async #run(url: string): Promise<void> {
    const onLive = () => {
      this.isLive = true;
    };
    const { signal } = this.#over;
    const changes = connect(url).changes({ from: 'start', values: true, onLive, signal });
    for await (const { type, key, version, value, gone } of changes) {
      const before = this.#versions.get(key) ?? 0;
      // Who comes back before all is told may be told again of what it knows.
      if (version < before || (version === before && this.isLive)) {
        this.mistakes.push(`${key}: version ${version} after ${before}`);
      }
      this.#versions.set(key, version);
      if (type !== 'put') this.values.delete(key);
      else if (!gone) this.values.set(key, value);
    }
  }
}
