/** What a week brings to a service, at a steady rate: values that expire, values that stay, names, counters, watchers. */

import { Agent } from 'undici';

export type WeekLoadOptions = {
  readonly url: string;
  readonly requestsPerS: number;
  readonly watchers: number;
};

const keysKept = 2_000;
const ttlS = 3_600;
const watchMsMax = 8_000;

export class WeekLoad {
  readonly #options: WeekLoadOptions;
  readonly #agent: Agent;
  readonly #over = new AbortController();
  readonly #ended: Promise<unknown>;
  requests = 0;
  events = 0;
  /** By status, or by the code of an error of the connection. */
  readonly failures = new Map<string, number>();

  constructor(options: WeekLoadOptions) {
    this.#options = options;
    this.#agent = new Agent({ connections: 16 });
    this.#ended = Promise.all([this.#write(), ...Array.from({ length: options.watchers }, () => this.#watch())]);
  }

  async end(): Promise<void> {
    this.#over.abort();
    await this.#ended;
    await this.#agent.destroy();
  }

  async #write(): Promise<void> {
    const { requestsPerS } = this.#options;
    const perTick = Math.max(1, Math.round(requestsPerS / 20));
    while (!this.#over.signal.aborted) {
      const tick = new Promise((resolve) => setTimeout(resolve, 50));
      await Promise.all([tick, ...Array.from({ length: perTick }, () => this.#request())]);
    }
  }

  async #request(): Promise<void> {
    const number = this.requests++;
    const value = 'x'.repeat(50 + (number % 200));
    const kept = `kept/${Math.floor(Math.random() * keysKept)}`;
    const [method, path, headers] = (
      [
        ['PUT', `/v1/kv/expiring/${number}?ttl=${ttlS}`, {}],
        ['PUT', `/v1/kv/${kept}`, {}],
        ['PUT', `/v1/kv/${kept}`, { 'idempotency-key': `name-${number}` }],
        ['POST', `/v1/counters/counter-${number % 50}`, { 'idempotency-key': `count-${number}` }],
        ['GET', `/v1/kv/${kept}`, {}],
        ['DELETE', `/v1/kv/${kept}`, {}],
        ['GET', '/v1/kv?prefix=kept/&limit=100', {}],
      ] as const
    )[number % 7] as readonly ['PUT' | 'GET' | 'POST' | 'DELETE', string, Record<string, string>];
    try {
      const { statusCode, body } = await this.#agent.request({
        origin: this.#options.url,
        path,
        method,
        headers,
        ...(method === 'PUT' && { body: value }),
      });
      await body.dump();
      if (statusCode >= 500) this.#failed(String(statusCode));
    } catch (error) {
      this.#failed((error as { code?: string }).code ?? 'connection');
    }
  }

  /** Comes, hears some, goes, and comes back where it was or somewhere else. */
  async #watch(): Promise<void> {
    let last = '';
    while (!this.#over.signal.aborted) {
      const leave = AbortSignal.any([this.#over.signal, AbortSignal.timeout(Math.round(Math.random() * watchMsMax))]);
      const headers: Record<string, string> = last !== '' && Math.random() < 0.5 ? { 'last-event-id': last } : {};
      try {
        const { body, ok } = await fetch(`${this.#options.url}/v1/changes`, { headers, signal: leave });
        if (!ok || body === null) {
          last = '';
          continue;
        }
        for await (const piece of body.pipeThrough(new TextDecoderStream())) {
          const ids = [...piece.matchAll(/^id: (.*)$/gm)];
          this.events += ids.length;
          last = ids.at(-1)?.[1] ?? last;
        }
      } catch {
        // It left, or its router was killed.
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #failed(how: string): void {
    this.failures.set(how, (this.failures.get(how) ?? 0) + 1);
  }
}
