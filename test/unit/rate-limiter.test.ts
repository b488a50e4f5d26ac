/** How many requests are let through: as many as were promised, whoever else asks, and with a memory that has a bound. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { clientNameOf } from '../../src/access/client-address.ts';
import { bucketsMax, RateLimiter, rateLimitOf } from '../../src/access/rate-limiter.ts';

test('each client gets what a bucket of its own would give it, however the clients mix', () => {
  const limit = fc.record({ requests: fc.integer({ min: 1, max: 20 }), windowS: fc.constantFrom(1, 60) });
  const asked = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(700)), { maxLength: 200 });
  fc.assert(
    fc.property(limit, asked, ({ requests, windowS }, steps) => {
      const limiter = new RateLimiter({ requests, windowS });
      const model = new Map<string, { left: number; atMs: number }>();
      let nowMs = 5;
      for (const [client, delayMs] of steps) {
        nowMs += delayMs * windowS;
        const bucket = model.get(client) ?? { left: requests, atMs: nowMs };
        const left = Math.min(requests, bucket.left + ((nowMs - bucket.atMs) * requests) / (windowS * 1_000));
        // Sums in another order differ in the last bit.
        fc.pre(Math.abs(left - Math.round(left)) > 1e-9 || left === requests || Number.isInteger(left));
        const isAllowed = left >= 1;
        model.set(client, { left: isAllowed ? left - 1 : left, atMs: nowMs });
        expect(limiter.isSpent(client, nowMs)).toBe(!isAllowed);
        const verdict = limiter.take(client, nowMs);
        expect(verdict.isAllowed).toBe(isAllowed);
        expect(verdict.remaining).toBe(Math.floor(isAllowed ? left - 1 : left));
        if (!isAllowed) {
          const patient = Math.min(requests, left + (verdict.waitS * requests) / windowS);
          expect(patient).toBeGreaterThan(1 - 1e-9);
        }
      }
    }),
  );
});

test('clients beyond the bound share one bucket, and leave those before them alone; they are forgotten when they are full', () => {
  const limiter = new RateLimiter({ requests: 2, windowS: 1 });
  expect([limiter.take('first', 0).isAllowed, limiter.take('first', 0).isAllowed]).toEqual([true, true]);
  for (let n = 1; n < bucketsMax; n++) limiter.take(`client ${n}`, 0);
  const late = ['x', 'y', 'z'].map((client) => limiter.take(client, 0).isAllowed);
  expect(late).toEqual([true, true, false]);
  expect(limiter.take('first', 0).isAllowed).toBe(false);
  // As many others take their place as soon as a window is over.
  for (let n = 0; n < bucketsMax - 1; n++) expect(limiter.take(`other ${n}`, 1_000).isAllowed).toBe(true);
});

test.each([
  ['1/s', 1, 1],
  ['1000/m', 1_000, 60],
  ['5/h', 5, 3_600],
])('%s is read', (text, requests, windowS) => {
  expect(rateLimitOf(text)).toEqual({ requests, windowS });
});

test('an address is one client, also as IPv4 in IPv6; of IPv6 it is its network', () => {
  expect(clientNameOf('203.0.113.7')).toBe(clientNameOf('::ffff:203.0.113.7'));
  expect(clientNameOf('203.0.113.7')).not.toBe(clientNameOf('203.0.113.8'));
  for (const address of ['2001:db8:1:2::1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2:ffff::', '2001:db8:1:2::9%eth0']) {
    expect(clientNameOf(address)).toBe('address 2001:db8:1:2::/64');
  }
  expect([clientNameOf('::1'), clientNameOf('2001:db8::1'), clientNameOf('fe80::1:2:3:4%lo')]).toEqual([
    'address 0:0:0:0::/64',
    'address 2001:db8:0:0::/64',
    'address fe80:0:0:0::/64',
  ]);
});
