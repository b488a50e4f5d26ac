import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { progressLine, RunProgress } from '../../bench/run-progress.ts';

test('the time left follows the pace so far, and at first the plan', () => {
  const totalMs = 100_000;
  expect(progressLine({ share: 0.01, elapsedMs: 9_000, totalMs, what: 'x' })).toMatch(/^░+ 1 %, 1m 39s left {2}x$/);
  expect(progressLine({ share: 0.5, elapsedMs: 80_000, totalMs, what: 'x' })).toMatch(
    /^█{12}░{12} 50 %, 1m 20s left {2}x$/,
  );
});

test('off a terminal there is a line for each tenth, however often it is told', () => {
  const written: string[] = [];
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => written.push(chunk.toString()));
  const progress = new RunProgress(100, stream as unknown as NodeJS.WriteStream);
  for (let step = 0; step < 50; step++) {
    progress.begin(2);
    progress.say('measuring');
  }
  progress.end();
  expect(written.length).toBeGreaterThan(5);
  expect(written.length).toBeLessThanOrEqual(10);
});
