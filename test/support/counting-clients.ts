/**
 * Clients that count, and send what was not answered again under the same name until it is: each increment happens
 * once, whatever dies meanwhile.
 */

import { randomUUID } from 'node:crypto';

export class CountingClients {
  /** By key, how often it was counted. */
  readonly counted = new Map<string, number>();
  /** By key, the numbers that were answered. */
  readonly numbers = new Map<string, number[]>();
  /** Requests that had to be sent again. */
  again = 0;
  readonly #url: () => string;
  readonly #running: Promise<void>[];
  #isOver = false;

  constructor(url: () => string, clients: number, keys: readonly string[]) {
    this.#url = url;
    this.#running = Array.from({ length: clients }, (_, client) => this.#run(keys[client % keys.length] as string));
  }

  async finish(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async #run(key: string): Promise<void> {
    while (!this.#isOver) {
      const number = await this.#count(key, randomUUID());
      this.counted.set(key, (this.counted.get(key) ?? 0) + 1);
      this.numbers.set(key, [...(this.numbers.get(key) ?? []), number]);
    }
  }

  async #count(key: string, name: string): Promise<number> {
    for (;;) {
      try {
        const answer = await fetch(`${this.#url()}/v1/counters/${key}`, {
          method: 'POST',
          headers: { 'idempotency-key': name },
        });
        const text = await answer.text();
        if (answer.status === 200) return Number(text);
        if (answer.status < 500) throw new RangeError(`${answer.status}: ${text}`);
      } catch (error) {
        if (error instanceof RangeError) throw error;
      }
      this.again++;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
