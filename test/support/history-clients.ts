/**
 * Clients that share hot keys, write unique values, some under conditions, and record what they asked and were
 * answered: a history for the linearizability checker. A client whose connection breaks does not know what became of its write, and says so.
 */

import { Pool } from 'undici';
import type { Operation } from './history.ts';

export type HistoryClientsOptions = {
  /** Asked anew for each request: a service that was started again has another port. */
  readonly url: () => string;
  readonly clients: number;
  readonly keys: readonly string[];
};

const clientDeadlineMs = 12_000;

export class HistoryClients {
  readonly history: Operation[] = [];
  /** Answers with status 500 and above, by code. */
  readonly serverErrors = new Map<string, number>();
  #pool: { readonly url: string; readonly pool: Pool } | undefined;
  readonly #options: HistoryClientsOptions;
  readonly #running: Promise<void>[];
  /** By key, the version that some client was told last. */
  readonly #versions = new Map<string, number>();
  #written = 0;
  #isOver = false;

  constructor(options: HistoryClientsOptions) {
    this.#options = options;
    this.#running = Array.from({ length: options.clients }, (_, client) => this.#run(client));
  }

  async finish(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
    await this.#pool?.pool.destroy();
  }

  async #run(client: number): Promise<void> {
    while (!this.#isOver) {
      const key = this.#options.keys[Math.floor(Math.random() * this.#options.keys.length)] as string;
      const dice = Math.random();
      if (dice < 0.45) await this.#get(client, key);
      else if (dice < 0.7) await this.#put(client, key);
      else if (dice < 0.8) await this.#putIfAbsent(client, key);
      else if (dice < 0.9) await this.#putIfUnchanged(client, key);
      else if (dice < 0.95) await this.#delete(client, key);
      else await this.#deleteIfUnchanged(client, key);
    }
  }

  async #get(client: number, key: string): Promise<void> {
    const invokedAtMs = performance.now();
    const answer = await this.#ask('GET', key, null);
    const recorded = { client, key, invokedAtMs, completedAtMs: performance.now(), kind: 'get' as const };
    if (answer?.status === 200) {
      const version = versionOf(answer.etag);
      if (version.version !== undefined) this.#versions.set(key, version.version);
      this.history.push({ ...recorded, outcome: { kind: 'read', value: answer.text, ...version } });
    } else if (answer?.status === 404) this.history.push({ ...recorded, outcome: { kind: 'read', value: null } });
  }

  async #put(client: number, key: string): Promise<void> {
    const value = `${client}-${this.#written++}`;
    const invokedAtMs = performance.now();
    const answer = await this.#ask('PUT', key, value);
    this.history.push({ client, key, invokedAtMs, kind: 'put', value, ...this.#completion(answer) });
  }

  async #putIfAbsent(client: number, key: string): Promise<void> {
    const value = `${client}-${this.#written++}`;
    const invokedAtMs = performance.now();
    const answer = await this.#ask('PUT', key, value, { 'if-none-match': '*' });
    const recorded = { client, key, invokedAtMs, kind: 'put-if-absent' as const, value };
    this.history.push({ ...recorded, ...this.#guardedCompletion(answer) });
  }

  async #putIfUnchanged(client: number, key: string): Promise<void> {
    const expectedVersion = this.#versions.get(key);
    if (expectedVersion === undefined) return this.#put(client, key);
    const value = `${client}-${this.#written++}`;
    const invokedAtMs = performance.now();
    const answer = await this.#ask('PUT', key, value, { 'if-match': `"${expectedVersion}"` });
    const recorded = { client, key, invokedAtMs, kind: 'put-if-version' as const, value, expectedVersion };
    this.history.push({ ...recorded, ...this.#guardedCompletion(answer) });
  }

  async #deleteIfUnchanged(client: number, key: string): Promise<void> {
    const expectedVersion = this.#versions.get(key);
    if (expectedVersion === undefined) return this.#delete(client, key);
    const invokedAtMs = performance.now();
    const answer = await this.#ask('DELETE', key, null, { 'if-match': `"${expectedVersion}"` });
    const recorded = { client, key, invokedAtMs, kind: 'delete-if-version' as const, expectedVersion };
    this.history.push({ ...recorded, ...this.#guardedCompletion(answer) });
  }

  async #delete(client: number, key: string): Promise<void> {
    const invokedAtMs = performance.now();
    const answer = await this.#ask('DELETE', key, null);
    this.history.push({ client, key, invokedAtMs, kind: 'delete', ...this.#completion(answer) });
  }

  #completion(answer: Answer | undefined): Pick<Extract<Operation, { kind: 'put' }>, 'outcome' | 'completedAtMs'> {
    if (answer === undefined || answer.code === 'outcome-unknown') return { outcome: { kind: 'ambiguous' } };
    const completedAtMs = performance.now();
    if (answer.status >= 300) return { outcome: { kind: 'not-applied' }, completedAtMs };
    return { outcome: { kind: 'applied', ...versionOf(answer.etag) }, completedAtMs };
  }

  #guardedCompletion(
    answer: Answer | undefined,
  ): Pick<Extract<Operation, { kind: 'put-if-absent' }>, 'outcome' | 'completedAtMs'> {
    if (answer?.status === 412) return { outcome: { kind: 'refused' }, completedAtMs: performance.now() };
    return this.#completion(answer);
  }

  /** Undefined when the connection broke. */
  async #ask(
    method: 'GET' | 'PUT' | 'DELETE',
    key: string,
    body: string | null,
    headers: Record<string, string> = {},
  ): Promise<Answer | undefined> {
    try {
      const response = await this.#poolNow().request({
        method,
        path: `/v1/kv/${key}`,
        body,
        headers,
        headersTimeout: clientDeadlineMs,
      });
      const text = await response.body.text();
      const status = response.statusCode;
      const code = status >= 400 && status !== 404 ? (JSON.parse(text) as { code: string }).code : undefined;
      if (status >= 500 && code !== undefined) this.serverErrors.set(code, (this.serverErrors.get(code) ?? 0) + 1);
      return { status, text, code, etag: response.headers['etag'] as string | undefined };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return undefined;
    }
  }

  #poolNow(): Pool {
    const url = this.#options.url();
    if (this.#pool?.url !== url) {
      void this.#pool?.pool.destroy();
      this.#pool = { url, pool: new Pool(url, { connections: this.#options.clients, pipelining: 1 }) };
    }
    return this.#pool.pool;
  }
}

type Answer = {
  readonly status: number;
  readonly text: string;
  readonly code: string | undefined;
  readonly etag: string | undefined;
};

function versionOf(etag: string | undefined): { version?: number } {
  return etag === undefined ? {} : { version: Number(etag.replaceAll('"', '')) };
}
