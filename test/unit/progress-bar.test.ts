import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { barText, ProgressBar } from '../../src/cli/progress-bar.ts';

/** A stream that remembers what was written, as a terminal or not. */
function recorder(isTTY: boolean): { stream: NodeJS.WriteStream; written: string[] } {
  const written: string[] = [];
  const stream = new PassThrough();
  stream.on('data', (chunk: Buffer) => written.push(chunk.toString()));
  return { stream: Object.assign(stream, { isTTY }) as unknown as NodeJS.WriteStream, written };
}

test('progress says how much is done, of how much, and how long the rest takes at this rate', () => {
  expect(barText({ title: 'Loading', done: 250, total: 1_000, elapsedMs: 5_000 })).toBe(
    'Loading ███████░░░░░░░░░░░░░░░░░░░░░ 25 %  250 of 1,000, 15s left',
  );
  expect(barText({ title: 'Loading', done: 0, total: 10, elapsedMs: 0 })).toMatch(/ 0 % {2}0 of 10$/);
});

test('more than the total, since more has come meanwhile, is counted without a total', () => {
  expect(barText({ title: 'Exporting', done: 19_536, total: 13_024, elapsedMs: 1 })).toBe('Exporting 19,536');
});

test('off a terminal there is one line for each tenth, without control characters', () => {
  const { stream, written } = recorder(false);
  const bar = new ProgressBar({ title: 'Reading', total: 100, stream, now: () => 0 });
  for (let done = 1; done <= 100; done++) bar.advanceTo(done);
  bar.end();
  expect(written).toHaveLength(10);
  for (const line of written) expect(line).toMatch(/^Reading [█░]+ \d+ % .*\n$/);
});

test('on a terminal the bar is redrawn ten times a second at most, and a note stays above it', () => {
  const { stream, written } = recorder(true);
  let nowMs = 0;
  const bar = new ProgressBar({ title: 'Reading', total: 1_000, stream, now: () => nowMs });
  for (let done = 1; done < 1_000; done++) {
    nowMs = done;
    bar.advanceTo(done);
  }
  expect(written.length).toBeLessThanOrEqual(11);
  bar.note('something happened');
  expect(written.at(-1)).toBe('\r\x1b[Ksomething happened\n');
});
