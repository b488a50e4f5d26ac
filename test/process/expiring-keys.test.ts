/**
 * Values that expire make no file grow: what is swept makes room for what comes.
 * `EXPIRING_SECONDS=120 npx vitest run test/process/expiring-keys` writes 30,000 of them a second, or as many as
 * `EXPIRING_KEYS_PER_S` says, and tells how it went.
 */

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { Figures, verdictOn } from '../support/level-figures.ts';
import { startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const seconds = Number(process.env['EXPIRING_SECONDS'] ?? 0);
const keysPerS = Number(process.env['EXPIRING_KEYS_PER_S'] ?? 30_000);
const batchesPerS = 30;
/** With its indexes, and its records in the ledger, without the value. */
const rowBytesMax = 200;
/** The logs of both shards, each of which varies by as much. */
const logBytes = 2 * 16 * 1024 * 1024;

class Writer {
  readonly #pool: Pool;
  #keys = 0;

  constructor(url: string) {
    this.#pool = new Pool(url, { connections: 8 });
    onTestFinished(() => this.#pool.destroy());
  }

  /** One batch of new keys, in no order. */
  async put(count: number, ttlS: number, valueBytes: number): Promise<void> {
    const value = 'x'.repeat(valueBytes);
    const operations = Array.from({ length: count }, () => {
      const key = `session-${(this.#keys++ * 2_654_435_761) % 2 ** 32}`;
      return { op: 'put', key, value, ttl: ttlS };
    });
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ operations });
    const answer = await this.#pool.request({ method: 'POST', path: '/v1/batch', headers, body });
    await answer.body.dump();
    expect(answer.statusCode).toBe(200);
  }
}

async function keysOf(service: TestService): Promise<number> {
  return (await service.status()).processes.reduce((sum, { keys }) => sum + (keys ?? 0), 0);
}

/** Since it started. */
async function sweptKeysOf(service: TestService): Promise<number> {
  const { adminUrl } = await service.status();
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  const counts = metrics.matchAll(/^shardlite_expired_keys_total\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

function fileBytes({ data }: TestService): number {
  const files = readdirSync(data).filter((name) => /^shard-\d+\.sqlite/.test(name));
  return files.reduce((sum, name) => sum + (statSync(join(data, name), { throwIfNoEntry: false })?.size ?? 0), 0);
}

test('what has expired is swept, and what comes after it takes no more room', async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
  const writer = new Writer(service.url);
  const [waves, keys, valueBytes] = [4, 4_000, 1_000];
  for (let wave = 0; wave < waves; wave++) {
    for (let written = 0; written < keys; written += 1_000) await writer.put(1_000, 1, valueBytes);
    await expect.poll(() => sweptKeysOf(service), { timeout: 60_000 }).toBe((wave + 1) * keys);
  }
  // Room for two waves: the ledger has the records of all four, without their values.
  await service.end('SIGTERM');
  expect(fileBytes(service)).toBeLessThan(2 * keys * (rowBytesMax + valueBytes));
});

test.skipIf(seconds === 0)(
  `${keysPerS} keys a second expire, and no file grows`,
  { timeout: (seconds + 60) * 1_000 },
  async () => {
    const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
    const writer = new Writer(service.url);
    const figures = new Figures();
    const looking = setInterval(async () => {
      figures.note('bytes', fileBytes(service));
      figures.note('keys', await keysOf(service));
    }, 500);
    onTestFinished(() => clearInterval(looking));

    const tookMs: number[] = [];
    const put = async () => {
      const beganAtMs = performance.now();
      await writer.put(Math.round(keysPerS / batchesPerS), 10, 100);
      tookMs.push(performance.now() - beganAtMs);
    };
    const under: Promise<void>[] = [];
    const beganAtMs = performance.now();
    for (let batch = 0; batch < seconds * batchesPerS; batch++) {
      const dueInMs = beganAtMs + (batch * 1_000) / batchesPerS - performance.now();
      if (dueInMs > 0) await new Promise((resolve) => setTimeout(resolve, dueInMs));
      under.push(put());
    }
    await Promise.all(under);
    const writtenPerS = (seconds * keysPerS * 1_000) / (performance.now() - beganAtMs);
    clearInterval(looking);

    const slacks: Readonly<Record<string, number>> = {
      bytes: logBytes + keysPerS * (rowBytesMax + 100),
      keys: keysPerS,
    };
    const verdicts = figures.series(seconds).map((series) => verdictOn(series, slacks[series.name] as number));
    tookMs.sort((a, b) => a - b);
    console.log({ writtenPerS, p99Ms: tookMs[Math.floor(tookMs.length * 0.99)], verdicts });
    expect(verdicts.map(({ name, isLevel }) => [name, isLevel])).toEqual([
      ['bytes', true],
      ['keys', true],
    ]);
    // Level at any rate; this one where the machine has two cores to itself.
    expect(writtenPerS).toBeGreaterThan(0.97 * keysPerS);
    await expect.poll(() => keysOf(service), { timeout: 30_000 }).toBe(0);
  },
);
