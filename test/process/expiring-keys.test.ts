/**
 * Values that expire as fast as they are written make no file grow: what is swept makes room for what comes.
 * `EXPIRING_SECONDS=120 npx vitest run test/process/expiring-keys` is the same at 30,000 keys a second, and says how it went.
 */

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Pool } from 'undici';
import { expect, onTestFinished, test } from 'vitest';
import { Figures, verdictOn } from '../support/level-figures.ts';
import { startService, type TestService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const isLong = process.env['EXPIRING_SECONDS'] !== undefined;
const seconds = Number(process.env['EXPIRING_SECONDS'] ?? 6);
const keysPerS = Number(process.env['EXPIRING_KEYS_PER_S'] ?? (isLong ? 30_000 : 3_000));
const ttlS = isLong ? 10 : 1;
const batchKeys = keysPerS / 30;
const value = 'x'.repeat(100);
/** Rows of at most 250 bytes with their indexes, of a second. Logs of both shards vary by 16 MiB each. */
const bytesPerS = keysPerS * 250;
const logBytes = 2 * 16 * 1024 * 1024;

/** Of a second's keys, each batch at its time. @returns how long each took, in milliseconds */
async function write(url: string): Promise<number[]> {
  const pool = new Pool(url, { connections: 8 });
  onTestFinished(() => pool.destroy());
  const tookMs: number[] = [];
  const put = async (batch: number) => {
    const operations = Array.from({ length: batchKeys }, (_, index) => ({
      op: 'put',
      key: `session-${((batch * batchKeys + index) * 2_654_435_761) % 2 ** 32}`,
      value,
      ttl: ttlS,
    }));
    const beganAtMs = performance.now();
    const body = JSON.stringify({ operations });
    const headers = { 'content-type': 'application/json' };
    const answer = await pool.request({ method: 'POST', path: '/v1/batch', headers, body });
    await answer.body.dump();
    expect(answer.statusCode).toBe(200);
    tookMs.push(performance.now() - beganAtMs);
  };
  const under: Promise<void>[] = [];
  const beganAtMs = performance.now();
  for (let batch = 0; batch < seconds * 30; batch++) {
    const dueInMs = beganAtMs + (batch * 1_000) / 30 - performance.now();
    if (dueInMs > 0) await new Promise((resolve) => setTimeout(resolve, dueInMs));
    under.push(put(batch));
  }
  await Promise.all(under);
  return tookMs;
}

async function look(service: TestService, figures: Figures): Promise<void> {
  const files = readdirSync(service.data).filter((name) => /^shard-\d+\.sqlite/.test(name));
  figures.note(
    'bytes',
    files.reduce((sum, name) => sum + (statSync(join(service.data, name), { throwIfNoEntry: false })?.size ?? 0), 0),
  );
  figures.note('keys', await keysOf(service));
}

async function keysOf(service: TestService): Promise<number> {
  return (await service.status()).processes.reduce((sum, { keys }) => sum + (keys ?? 0), 0);
}

test(`${keysPerS} keys a second that expire leave no file growing`, { timeout: (seconds + 60) * 1_000 }, async () => {
  const service = await startService({ data: temporaryDirectory(), args: ['--shards', '2', '--routers', '1'] });
  const figures = new Figures();
  const looking = setInterval(() => void look(service, figures), 500);
  onTestFinished(() => clearInterval(looking));
  const beganAtMs = performance.now();
  const tookMs = await write(service.url);
  const writtenPerS = (seconds * keysPerS * 1_000) / (performance.now() - beganAtMs);
  clearInterval(looking);

  const verdicts = figures
    .series(seconds)
    .map((series) => verdictOn(series, series.name === 'bytes' ? logBytes + bytesPerS : keysPerS));
  if (isLong) {
    tookMs.sort((a, b) => a - b);
    const p99Ms = tookMs[Math.floor(tookMs.length * 0.99)];
    console.log({ writtenPerS, p99Ms, verdicts });
    for (const { name, values } of figures.series(1))
      console.log(
        name,
        values.filter((_, index) => index % 10 === 0),
      );
    expect(writtenPerS).toBeGreaterThan(0.97 * keysPerS);
  }
  expect(verdicts.map(({ name, isLevel }) => [name, isLevel])).toEqual([
    ['bytes', true],
    ['keys', true],
  ]);
  await expect.poll(() => keysOf(service), { timeout: 30_000 }).toBe(0);
});
