/** Clients of the rebalance benchmark: they fill the service, then read and write for ever and check each answer. */

import { Pool } from 'undici';
import { LatencyHistogram } from '../src/metrics/latency-histogram.ts';

const connections = 64;
const valueBytes = 100;

const fillConnections = 8;
const batchKeys = 500;

function nameOf(key: number): string {
  return `key-${key}`;
}

function pathOf(key: number): string {
  return `/v1/kv/${nameOf(key)}`;
}

/** Begins with the key's name, so that every answer tells whose it is; no two are equal. */
function valueFor(key: number, write: number): string {
  return `key-${key} ${write} `.padEnd(valueBytes, '.');
}

export async function fill(url: string, keys: number, onDone: (done: number) => void): Promise<void> {
  const pool = new Pool(url, { connections: fillConnections });
  let next = 0;
  let done = 0;
  const writer = async () => {
    for (let first = next; first < keys; first = next) {
      next = Math.min(first + batchKeys, keys);
      const puts = Array.from({ length: next - first }, (_, index) => first + index).map((key) =>
        JSON.stringify({ op: 'put', key: nameOf(key), value: valueFor(key, 0) }),
      );
      const headers = { 'content-type': 'application/x-ndjson' };
      const { body } = await pool.request({ method: 'POST', path: '/v1/batch', headers, body: puts.join('\n') });
      const answers = await body.text();
      const stored = answers.split('"status":201').length - 1;
      if (stored !== puts.length) throw new Error(`A batch was answered ${answers.slice(0, 200)}`);
      done += stored;
      onDone(done);
    }
  };
  await Promise.all(Array.from({ length: fillConnections }, writer));
  await pool.destroy();
}

export class CheckingClients {
  readonly #pool: Pool;
  readonly #keys: number;
  readonly #running: Promise<void>[];
  #latencies = new LatencyHistogram();
  #answers = 0;
  #failures = 0;
  #wrong = 0;
  #writes = 0;
  #isOver = false;

  constructor(url: string, keys: number) {
    this.#pool = new Pool(url, { connections, pipelining: 1 });
    this.#keys = keys;
    this.#running = Array.from({ length: connections }, () => this.#run());
  }

  /** Since they were last taken. */
  takeLatencies(): LatencyHistogram {
    const taken = this.#latencies;
    this.#latencies = new LatencyHistogram();
    return taken;
  }

  async finish(): Promise<{ readonly answers: number; readonly failures: number; readonly wrong: number }> {
    this.#isOver = true;
    await Promise.all(this.#running);
    await this.#pool.destroy();
    return { answers: this.#answers, failures: this.#failures, wrong: this.#wrong };
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const key = Math.floor(Math.random() * this.#keys);
      const beganAtMs = performance.now();
      try {
        if (Math.random() < 0.5) await this.#read(key);
        else await this.#write(key);
      } catch {
        this.#failures++;
      }
      this.#latencies.record(performance.now() - beganAtMs);
      this.#answers++;
    }
  }

  async #read(key: number): Promise<void> {
    const { statusCode, body } = await this.#pool.request({ method: 'GET', path: pathOf(key) });
    const value = await body.text();
    if (statusCode >= 500) this.#failures++;
    else if (statusCode !== 200 || !value.startsWith(`key-${key} `) || value.length !== valueBytes) this.#wrong++;
  }

  async #write(key: number): Promise<void> {
    const body = valueFor(key, ++this.#writes);
    const answer = await this.#pool.request({ method: 'PUT', path: pathOf(key), body });
    await answer.body.dump();
    if (answer.statusCode >= 500) this.#failures++;
    else if (answer.statusCode !== 204) this.#wrong++;
  }
}
