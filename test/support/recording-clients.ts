/**
 * Clients that write and read all the time and remember what they were promised. Each owns its keys, so it knows
 * at every moment which values a read may return: the last acknowledged one, or that of a write still open or
 * answered "unknown".
 */

import { Pool } from 'undici';

export type Mistake = {
  readonly key: string;
  readonly found: string | null;
  readonly allowed: readonly (string | null)[];
};

export type Answered = { readonly key: string; readonly atMs: number; readonly tookMs: number };

/** Longer than a router holds a request: whoever has no answer by now was handed to a process that died. */
const unansweredMs = 7_000;

export type ClientsOptions = {
  readonly url: string;
  readonly clients: number;
  /** Keys that belong to client `index`; it uses them in turn. */
  readonly keysOf: (index: number) => readonly string[];
};

export class RecordingClients {
  /** Writes that were acknowledged. */
  readonly acknowledged: Answered[] = [];
  /** Status codes and network errors other than success: `503`, `ECONNRESET`, … */
  readonly failures: string[] = [];
  readonly mistakes: Mistake[] = [];
  /** Values that a read of a key may return. */
  readonly #allowed = new Map<string, (string | null)[]>();
  readonly #pool: Pool;
  readonly #options: ClientsOptions;
  readonly #running: Promise<void>[];
  #isOver = false;

  constructor(options: ClientsOptions) {
    this.#options = options;
    this.#pool = new Pool(options.url, {
      connections: options.clients,
      pipelining: 1,
      headersTimeout: unansweredMs,
      bodyTimeout: unansweredMs,
    });
    this.#running = Array.from({ length: options.clients }, (_, index) => this.#run(index));
  }

  /** Resolves once this many writes were acknowledged since the call. */
  async acknowledges(count: number): Promise<void> {
    const target = this.acknowledged.length + count;
    while (this.acknowledged.length < target) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  /** Lets each client finish its request. */
  async finish(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
    await this.#pool.destroy();
  }

  /** Reads back every key that was ever written, from a service that may be a later one. */
  async verify(url: string): Promise<{ readonly keys: number; readonly mistakes: readonly Mistake[] }> {
    const pool = new Pool(url, { connections: 16 });
    for (const key of this.#allowed.keys()) await this.#read(pool, key);
    await pool.destroy();
    return { keys: this.#allowed.size, mistakes: this.mistakes };
  }

  async #run(index: number): Promise<void> {
    const keys = this.#options.keysOf(index);
    for (let turn = 0; !this.#isOver; turn++) {
      const key = keys[turn % keys.length] as string;
      // Every tenth write deletes; every value differs from all others.
      await this.#write(key, turn % 10 === 9 ? null : `${key} turn ${turn} ${'x'.repeat(turn % 100)}`);
      if (turn % 2 === 0) await this.#read(this.#pool, key);
    }
  }

  async #write(key: string, value: string | null): Promise<void> {
    const before = this.#allowed.get(key) ?? [null];
    this.#allowed.set(key, [...before, value]);
    const startedAtMs = performance.now();
    try {
      const { statusCode, body } = await this.#pool.request(
        value === null
          ? { method: 'DELETE', path: `/v1/kv/${key}` }
          : { method: 'PUT', path: `/v1/kv/${key}`, body: value, headers: { 'content-type': 'text/plain' } },
      );
      await body.dump();
      if (statusCode >= 300) {
        this.failures.push(String(statusCode));
        return;
      }
      this.#allowed.set(key, [value]);
      this.acknowledged.push({ key, atMs: performance.now(), tookMs: performance.now() - startedAtMs });
    } catch (error) {
      this.failures.push((error as NodeJS.ErrnoException).code ?? String(error));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async #read(pool: Pool, key: string): Promise<void> {
    const allowed = this.#allowed.get(key) ?? [null];
    try {
      const { statusCode, body } = await pool.request({ method: 'GET', path: `/v1/kv/${key}` });
      const text = await body.text();
      if (statusCode !== 200 && statusCode !== 404) {
        this.failures.push(String(statusCode));
        return;
      }
      const found = statusCode === 404 ? null : text;
      if (!allowed.includes(found)) this.mistakes.push({ key, found, allowed });
      // What one read has seen, later reads may not unsee.
      else this.#allowed.set(key, [found, ...allowed.slice(allowed.lastIndexOf(found) + 1)]);
    } catch (error) {
      this.failures.push((error as NodeJS.ErrnoException).code ?? String(error));
    }
  }
}
