import { expect, test } from 'vitest';
import type { Request } from '../../bench/judge/history.ts';
import { longestGapMs, readsMeanwhile } from '../../bench/judge/outage.ts';

/** Times in milliseconds. */
function request(kind: Request['kind'], key: number, fromMs: number, toMs: number): Request {
  const [sentNs, answeredNs] = [BigInt(fromMs) * 1_000_000n, BigInt(toMs) * 1_000_000n];
  return { kind, key, value: 1n, sentNs, answeredNs, outcome: 'done' };
}

const unanswered = (one: Request): Request => ({ ...one, outcome: 'unknown' });

/** Who has even keys dies at 100 ms. */
const death = { atNs: 100_000_000n, isOwn: (key: number) => key % 2 === 0 };

test('of the dead worker’s keys those reads count that were sent before it took a write again, and those that waited as late', () => {
  const history = [
    request('read', 2, 90, 95),
    request('read', 2, 110, 160),
    request('read', 2, 120, 171),
    unanswered(request('read', 4, 130, 140)),
    request('read', 3, 130, 131),
    // Answered by another worker, and given up: neither tells that the dead one is back.
    request('write', 3, 110, 111),
    unanswered(request('write', 4, 110, 150)),
    request('write', 4, 105, 300),
    request('read', 4, 299, 301),
    request('read', 4, 301, 302),
  ];
  expect(readsMeanwhile(history, death)).toEqual({ reads: 4, inTime: 2 });
});

test('who never comes back is missed until the end', () => {
  const history = [
    request('write', 2, 90, 95),
    request('read', 2, 110, 111),
    unanswered(request('read', 2, 900, 2_900)),
  ];
  expect(readsMeanwhile(history, death)).toEqual({ reads: 2, inTime: 1 });
});

test('a gap is as long as nobody had an answer, also when nobody ever had one again', () => {
  const answered = [request('read', 1, 0, 10), request('read', 1, 10, 250), request('write', 2, 5, 20)];
  expect(longestGapMs(answered)).toBeCloseTo(230);
  expect(longestGapMs([...answered, unanswered(request('read', 1, 250, 2_250))])).toBeCloseTo(2_000);
  expect(longestGapMs([])).toBe(0);
});
