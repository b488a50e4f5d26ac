/** What asking for a token costs, and what the time of a refusal tells. */

import { expect, test } from 'vitest';
import { Gate } from '../../src/access/gate.ts';
import { inAnHour, rulesOf, signerOf, tokenOf } from '../support/access.ts';

test('a token that was seen before is known within a microsecond, of ten thousand as of one', async () => {
  const tokens = Array.from({ length: 10_000 }, (_, n) => tokenOf({ name: `${n}`, prefixes: ['users/'] }));
  const signer = await signerOf('ES256');
  const keys = JSON.stringify({ keys: [signer.jwk] });
  const gate = await Gate.of(
    rulesOf(
      tokens.map(({ record }) => record),
      { keys, audiences: [] },
    ),
  );
  const jwt = await signer.sign({ scope: 'kv:read', sub: 'ada' }, inAnHour());
  // As a request brings it: a new text each time, whose hash V8 does not know yet.
  const headers = [...tokens.slice(0, 1_000).map(({ token }) => token), jwt].map((token) =>
    Buffer.from(`Bearer ${token}`),
  );
  const nowMs = Date.now();
  for (const header of headers) await gate.decide(header.toString('latin1'), nowMs);
  const rounds = Array.from({ length: 30 }, () => {
    const texts = headers.map((header) => header.toString('latin1'));
    const startedAtMs = performance.now();
    for (const text of texts) gate.decide(text, nowMs);
    return ((performance.now() - startedAtMs) / texts.length) * 1_000;
  });
  expect(median(rounds)).toBeLessThan(1);
});

test('how long a refusal takes does not tell how much of a token was guessed', async () => {
  const { token, record } = tokenOf();
  const gate = await Gate.of(rulesOf([record]));
  // The token itself is among what was seen before.
  gate.decide(`Bearer ${token}`, Date.now());
  const guess = (right: number, n: number) => {
    const rest = n
      .toString(36)
      .padStart(token.length - right, 'A')
      .slice(-(token.length - right));
    return `Bearer ${token.slice(0, right)}${rest}`;
  };
  const timed = (right: number) => {
    const headers = Array.from({ length: 500 }, (_, n) => guess(right, n + 1));
    const startedAtMs = performance.now();
    for (const header of headers) gate.decide(header, 0);
    return ((performance.now() - startedAtMs) / headers.length) * 1e6;
  };
  const [none, most]: [number[], number[]] = [[], []];
  for (let round = 0; round < 400; round++) {
    // In turns, and either first: what else the machine does falls on both alike.
    for (const nearly of round % 2 === 0 ? [false, true] : [true, false]) {
      (nearly ? most : none).push(timed(nearly ? token.length - 4 : 'shardlite_'.length));
    }
  }
  // Within a tenth: comparing forty characters one by one would not even show, ten thousand such guesses would.
  expect(median(most) / median(none)).toBeGreaterThan(0.9);
  expect(median(most) / median(none)).toBeLessThan(1.1);
});

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
