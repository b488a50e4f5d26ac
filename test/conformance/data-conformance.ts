/** What every Store promises about conditions, expiry, counters, names that clients give, and atomic operations. */

import { describe, expect, test } from 'vitest';
import type { Condition } from '../../src/kv/condition.ts';
import { type AtomicOperation, isWrite, type KeyOperation, lifetimeMsMax } from '../../src/kv/operation.ts';
import type { Outcome } from '../../src/kv/outcome.ts';
import type { Store } from '../../src/kv/store.ts';
import { atomic, get, head, idempotencyKey, increment, put, remove, touch, versionOf } from '../support/operations.ts';

const never = 999_999_999;

/** An atomic batch as one that a client has named: each write by its place among the writes. */
function batchNamed(name: string, asked: string, ...operations: KeyOperation[]): AtomicOperation {
  let writes = 0;
  return atomic(
    ...operations.map((one) =>
      isWrite(one) ? { ...one, idempotencyKey: idempotencyKey(`${name}#${writes++}`, asked) } : one,
    ),
  );
}

/** Of an atomic batch that was refused, as a whole or one by one. */
function codesOf(outcome: Outcome): string[] {
  const outcomes = outcome.kind === 'batch' ? outcome.outcomes : [outcome];
  return outcomes.map((one) => (one.kind === 'failed' ? one.code : one.kind));
}

export function describeData(storeNow: () => Store): void {
  const run = (operation: Parameters<Store['execute']>[0]): Promise<Outcome> => storeNow().execute(operation);

  describe('conditions', () => {
    test.each<[name: string, condition: (version: number) => Condition, present: boolean, absent: boolean]>([
      ['if there is none', () => ({ ifNoneMatch: '*' }), false, true],
      ['if there is one', () => ({ ifMatch: '*' }), true, false],
      ['if it is this version', (version) => ({ ifMatch: [version] }), true, false],
      ['if it is one of these versions', (version) => ({ ifMatch: [never, version] }), true, false],
      ['if it is another version', () => ({ ifMatch: [never] }), false, false],
      ['if it is one of no versions', () => ({ ifMatch: [] }), false, false],
      ['if it is not this version', (version) => ({ ifNoneMatch: [version] }), false, true],
      ['if it is not another version', () => ({ ifNoneMatch: [never] }), true, true],
      ['if both hold', (version) => ({ ifMatch: [version], ifNoneMatch: [never] }), true, false],
      ['if only one holds', (version) => ({ ifMatch: [version], ifNoneMatch: '*' }), false, false],
    ])('a write %s', async (_name, conditionOf, happensWhenPresent, happensWhenAbsent) => {
      for (const write of [
        (key: string, condition: Condition) => put(key, '2', 'b/b', { condition }),
        (key: string, condition: Condition) => remove(key, { condition }),
        (key: string, condition: Condition) => increment(key, 1, { condition }),
        (key: string, condition: Condition) => touch(key, { ttlMs: 60_000 }, { condition }),
      ]) {
        const version = versionOf(await run(put('present', '1', 'a/a')));
        const outcome = await run(write('present', conditionOf(version)));
        if (happensWhenPresent) expect(['replaced', 'deleted', 'counted']).toContain(outcome.kind);
        else {
          expect(outcome).toEqual({ kind: 'precondition-failed', version });
          expect(await run(get('present'))).toMatchObject({ kind: 'value', version, contentType: 'a/a' });
        }

        await run(remove('absent'));
        const alone = await run(write('absent', conditionOf(version)));
        if (happensWhenAbsent) expect(codesOf(alone)[0]).toMatch(/^(created|deleted|counted|key-not-found)$/);
        else {
          expect(alone).toEqual({ kind: 'precondition-failed', version: 0 });
          expect(await run(get('absent'))).toEqual({ kind: 'absent' });
        }
      }
    });

    test('of many writers that all want to be the first, one is', async () => {
      const intent = (n: number) => put('first', `${n}`, '', { condition: { ifNoneMatch: '*' } });
      const outcomes = await Promise.all(Array.from({ length: 30 }, (_, n) => run(intent(n))));
      const won = outcomes.findIndex(({ kind }) => kind === 'created');
      expect(outcomes.filter(({ kind }) => kind === 'precondition-failed')).toHaveLength(29);
      expect(await run(get('first'))).toMatchObject({ value: Buffer.from(`${won}`) });
    });
  });

  describe('a read that wants a part', () => {
    const written = async () => versionOf(await run(put('part', '0123456789', 'a/a', { expiresAtMs: laterMs })));
    const laterMs = Date.now() + 3_600_000;
    const described = { contentType: 'a/a', expiresAtMs: laterMs };

    test('of a value that does not meet its condition is told what there is, without the value', async () => {
      const version = await written();
      const metadata = { kind: 'metadata', version, ...described, valueBytes: 10 };
      expect(await run(get('part', { condition: { ifNoneMatch: [version] } }))).toEqual(metadata);
      expect(await run(get('part', { condition: { ifMatch: [never] } }))).toEqual(metadata);
      expect(await run(get('part', { condition: { ifMatch: [version] }, range: { from: 10, bytesMax: 1 } }))).toEqual(
        metadata,
      );
    });

    test('is given these bytes alone, and how many there are', async () => {
      const version = await written();
      const part = { kind: 'part', version, ...described, valueBytes: 10 };
      const range = (from: number, bytesMax: number) => run(get('part', { range: { from, bytesMax } }));
      expect(await range(2, 3)).toEqual({ ...part, first: 2, value: Buffer.from('234') });
      expect(await range(7, 99)).toEqual({ ...part, first: 7, value: Buffer.from('789') });
      expect(await range(-2, 2)).toEqual({ ...part, first: 8, value: Buffer.from('89') });
      expect(await range(-99, 99)).toEqual({ ...part, first: 0, value: Buffer.from('0123456789') });
    });

    test('of another version than it names is given the value whole', async () => {
      const version = await written();
      const range = { from: 2, bytesMax: 3 };
      const whole = { kind: 'value', version, ...described, value: Buffer.from('0123456789') };
      expect(await run(get('part', { range: { ...range, version } }))).toMatchObject({ value: Buffer.from('234') });
      expect(await run(get('part', { range: { ...range, version: never } }))).toEqual(whole);
    });

    test('of what is not there is told so', async () => {
      expect(await run(get('none', { condition: { ifMatch: '*' } }))).toEqual({ kind: 'absent' });
      expect(await run(get('none', { range: { from: 0, bytesMax: 1 } }))).toEqual({ kind: 'absent' });
    });
  });

  describe('expiry', () => {
    test('a value is given with its expiry, and not a millisecond after it', async () => {
      const expiresAtMs = Date.now() + 800;
      await run(put('soon', 'gone', 'a/a', { expiresAtMs }));
      await run(put('later', 'there', 'a/a', { expiresAtMs: expiresAtMs + 3_600_000 }));
      let last = await run(get('soon'));
      expect(last).toMatchObject({ kind: 'value', expiresAtMs });
      expect(await run(head('soon'))).toMatchObject({ kind: 'metadata', expiresAtMs });
      while (last.kind === 'value') {
        const askedAtMs = Date.now();
        last = await run(get('soon'));
        if (last.kind === 'value') expect(askedAtMs).toBeLessThan(expiresAtMs);
      }
      expect(Date.now()).toBeGreaterThanOrEqual(expiresAtMs);
      expect(await run(head('soon'))).toEqual({ kind: 'absent' });
      expect(await run(get('later'))).toMatchObject({ kind: 'value', expiresAtMs: expiresAtMs + 3_600_000 });
      expect(await run(put('soon', 'new', '', { condition: { ifMatch: '*' } }))).toEqual({
        kind: 'precondition-failed',
        version: 0,
      });
      expect((await run(put('soon', 'new'))).kind).toBe('created');
      expect(await run(get('soon'))).not.toHaveProperty('expiresAtMs');
    });

    test('writing again sets the expiry anew or takes it away, counting keeps it', async () => {
      const expiresAtMs = Date.now() + 3_600_000;
      await run(put('n', '1', 'a/a', { expiresAtMs }));
      await run(increment('n', 1));
      expect(await run(get('n'))).toMatchObject({ value: Buffer.from('2'), contentType: 'a/a', expiresAtMs });
      await run(put('n', '3', 'a/a', { expiresAtMs: expiresAtMs + 1 }));
      expect(await run(head('n'))).toMatchObject({ expiresAtMs: expiresAtMs + 1 });
      await run(put('n', '3'));
      expect(await run(head('n'))).not.toHaveProperty('expiresAtMs');
    });

    test('the store counts a ttl by its own clock, and refuses what would be over at once', async () => {
      await run(put('key', 'there', '', { ttlMs: 60_000 }));
      const found = await run(head('key'));
      expect(found).toMatchObject({ kind: 'metadata', expiresAtMs: expect.any(Number) });
      const leftMs = ((found.kind === 'metadata' && found.expiresAtMs) || 0) - Date.now();
      expect([leftMs > 0, leftMs <= 61_000]).toEqual([true, true]);
      for (const expiresAtMs of [1, Date.now() - 1_000, Date.now() + lifetimeMsMax + 3_600_000]) {
        const refused = await run(put('past', 'never', '', { expiresAtMs }));
        expect(refused).toMatchObject({ kind: 'failed', code: 'parameter-invalid' });
      }
      expect(await run(get('past'))).toEqual({ kind: 'absent' });
    });

    test('versions go on growing over an expiry', async () => {
      const before = versionOf(await run(put('key', 'one', '', { expiresAtMs: Date.now() + 250 })));
      while ((await run(get('key'))).kind === 'value');
      expect(versionOf(await run(put('key', 'two')))).toBeGreaterThan(before);
    });
  });

  describe('a touch', () => {
    const inAnHour = () => Date.now() + 3_600_000;

    test('sets the expiry under a new version, takes it away, and leaves the value and its type as they are', async () => {
      const created = versionOf(await run(put('session', 'bytes', 'a/a')));
      const expiresAtMs = inAnHour();
      const touched = await run(touch('session', { expiresAtMs }));
      expect(touched.kind).toBe('replaced');
      expect(versionOf(touched)).toBeGreaterThan(created);
      const value = { kind: 'value', version: versionOf(touched), contentType: 'a/a', value: Buffer.from('bytes') };
      expect(await run(get('session'))).toEqual({ ...value, expiresAtMs });

      const kept = await run(touch('session', { expiresAtMs: 0 }));
      expect(await run(get('session'))).toEqual({ ...value, version: versionOf(kept) });
    });

    test('counts a ttl by the clock of the store, and refuses a time that is over or too far away', async () => {
      const created = versionOf(await run(put('session', 'bytes')));
      for (const expiresAtMs of [1, Date.now() - 1_000, Date.now() + lifetimeMsMax + 3_600_000]) {
        const refused = await run(touch('session', { expiresAtMs }));
        expect(refused).toMatchObject({ kind: 'failed', code: 'parameter-invalid' });
      }
      expect(await run(head('session'))).toMatchObject({ version: created });
      await run(touch('session', { ttlMs: 60_000 }));
      const found = await run(head('session'));
      const leftMs = ((found.kind === 'metadata' && found.expiresAtMs) || 0) - Date.now();
      expect([leftMs > 0, leftMs <= 61_000]).toEqual([true, true]);
    });

    test('keeps a value that would have expired, and ends one that would have stayed, as an increment does', async () => {
      const inASecond = { ttlMs: 1_000 };
      await run(put('ended', '1', '', { expiresAtMs: inAnHour() }));
      await run(put('kept', '1', '', inASecond));
      await run(touch('kept', { expiresAtMs: 0 }));
      await run(increment('count', 7, inASecond));
      const touchedAtMs = Date.now();
      await run(touch('ended', inASecond));
      while ((await run(get('ended'))).kind === 'value');
      expect(Date.now()).toBeGreaterThanOrEqual(touchedAtMs + 1_000);
      expect(await run(get('kept'))).toMatchObject({ kind: 'value' });
      expect(await run(touch('ended', { expiresAtMs: 0 }))).toMatchObject({ kind: 'failed', code: 'key-not-found' });
      expect(await run(get('ended'))).toEqual({ kind: 'absent' });
      const anew = await run(increment('count', 1));
      expect([anew.kind === 'counted' && anew.number, 'expiresAtMs' in anew]).toEqual([1n, false]);
    });

    test('makes no value where there is none', async () => {
      const nothing = await run(touch('nothing', { ttlMs: 60_000 }));
      expect(nothing).toMatchObject({ kind: 'failed', code: 'key-not-found' });
      expect(await run(get('nothing'))).toEqual({ kind: 'absent' });
    });

    test('that a client has named happens once, and is answered the same', async () => {
      await run(put('session', '1'));
      const named = { idempotencyKey: idempotencyKey('touch-1', '60 s') };
      const first = await run(touch('session', { ttlMs: 60_000 }, named));
      expect(await run(touch('session', { ttlMs: 60_000 }, named))).toEqual(first);
      await run(touch('session', { expiresAtMs: 0 }));
      expect(versionOf(await run(touch('session', { ttlMs: 60_000 }, named)))).toBe(versionOf(first));
      expect(await run(head('session'))).not.toHaveProperty('expiresAtMs');
    });

    test('goes together with others: they see it, and none is done where there is nothing to touch', async () => {
      await run(put('{u}a', '1'));
      const expiresAtMs = inAnHour();
      const both = await run(atomic(touch('{u}a', { expiresAtMs }), get('{u}a'), increment('{u}a', 1), get('{u}a')));
      expect(both).toMatchObject({
        kind: 'batch',
        outcomes: [
          { kind: 'replaced' },
          { kind: 'value', expiresAtMs, value: Buffer.from('1') },
          { kind: 'counted', number: 2n },
          { kind: 'value', expiresAtMs, value: Buffer.from('2') },
        ],
      });
      const refused = await run(atomic(remove('{u}a'), touch('{u}a', { expiresAtMs: 0 })));
      expect(codesOf(refused)).toEqual(['batch-refused', 'key-not-found']);
      expect(await run(get('{u}a'))).toMatchObject({ kind: 'value', expiresAtMs });
    });
  });

  describe('counters', () => {
    test('begin at 0, go up and down, and read as text', async () => {
      expect(await run(increment('visits', 5))).toMatchObject({ kind: 'counted', number: 5n });
      expect(await run(increment('visits', -7))).toMatchObject({ kind: 'counted', number: -2n });
      expect(await run(get('visits'))).toMatchObject({ value: Buffer.from('-2'), contentType: 'text/plain' });
    });

    test('expire as the last increment that said so said, and keep their expiry with one that says nothing', async () => {
      const [soonMs, laterMs] = [Date.now() + 3_600_000, Date.now() + 7_200_000];
      const counts = async (more: Parameters<typeof increment>[2], expiresAtMs: number | undefined) => {
        const counted = await run(increment('n', 1, more));
        expect(counted).toMatchObject({ kind: 'counted', ...(expiresAtMs !== undefined && { expiresAtMs }) });
        expect('expiresAtMs' in counted).toBe(expiresAtMs !== undefined);
        const found = await run(head('n'));
        expect(found.kind === 'metadata' && found.expiresAtMs).toBe(expiresAtMs);
      };
      await counts({}, undefined);
      await counts({ expiresAtMs: soonMs }, soonMs);
      await counts({}, soonMs);
      await counts({ expiresAtMs: laterMs }, laterMs);
      await counts({ expiresAtMs: 0 }, undefined);
      expect(await run(get('n'))).toMatchObject({ value: Buffer.from('5'), contentType: 'text/plain' });
      for (const expiresAtMs of [1, Date.now() + lifetimeMsMax + 3_600_000]) {
        const refused = await run(increment('n', 1, { expiresAtMs }));
        expect(refused).toMatchObject({ kind: 'failed', code: 'parameter-invalid' });
      }
      expect(await run(get('n'))).toMatchObject({ value: Buffer.from('5') });
    });

    test('live for the ttl by the clock of the store; named, they are answered the same again', async () => {
      const named = { ttlMs: 60_000, idempotencyKey: idempotencyKey('hit-1', 'by 7') };
      const first = await run(increment('hits', 7, named));
      const leftMs = ((first.kind === 'counted' && first.expiresAtMs) || 0) - Date.now();
      expect([leftMs > 0, leftMs <= 61_000]).toEqual([true, true]);
      expect(await run(increment('hits', 7, named))).toEqual(first);
    });

    test('are exact to the last of 64 bits, and refuse what does not fit', async () => {
      await run(put('large', String(2n ** 63n - 2n)));
      expect(await run(increment('large', 1))).toMatchObject({ number: 2n ** 63n - 1n });
      expect(await run(increment('large', 1))).toMatchObject({ kind: 'failed', code: 'counter-overflow' });
      expect(await run(get('large'))).toMatchObject({ value: Buffer.from(String(2n ** 63n - 1n)) });
      await run(put('small', String(-(2n ** 63n))));
      expect(await run(increment('small', -1))).toMatchObject({ kind: 'failed', code: 'counter-overflow' });
    });

    test.each(['', 'seven', '1.5', '+1', '01', '-0', ' 1', '9223372036854775808', '1\n'])(
      'refuse a value that is no number: %j',
      async (value) => {
        const version = versionOf(await run(put('text', value)));
        expect(await run(increment('text', 1))).toMatchObject({ kind: 'failed', code: 'counter-not-a-number' });
        expect(await run(get('text'))).toMatchObject({ version, value: Buffer.from(value) });
      },
    );

    test('lose nothing when many count at once', async () => {
      const outcomes = await Promise.all(Array.from({ length: 200 }, () => run(increment('n', 1))));
      const numbers = outcomes.map((outcome) => (outcome.kind === 'counted' ? outcome.number : 0n));
      expect(new Set(numbers).size).toBe(200);
      expect(await run(get('n'))).toMatchObject({ value: Buffer.from('200') });
    });
  });

  describe('a write that a client has named', () => {
    test('happens once, however often it is sent, and is answered the same', async () => {
      const named = { idempotencyKey: idempotencyKey('order-1', 'by 5') };
      const first = await run(increment('n', 5, named));
      await run(increment('n', 1));
      expect(await run(increment('n', 5, named))).toEqual(first);
      const [again, other] = await Promise.all([
        run(increment('n', 5, named)),
        run(increment('n', 5, { idempotencyKey: idempotencyKey('order-2', 'by 5') })),
      ]);
      expect(again).toEqual(first);
      expect(other).toMatchObject({ kind: 'counted', number: 11n });

      const created = await run(put('k', 'v', '', { idempotencyKey: idempotencyKey('put-1', 'v') }));
      expect((await run(remove('k', { idempotencyKey: idempotencyKey('delete-1', 'k') }))).kind).toBe('deleted');
      expect(await run(put('k', 'v', '', { idempotencyKey: idempotencyKey('put-1', 'v') }))).toEqual(created);
      expect(await run(get('k'))).toEqual({ kind: 'absent' });
    });

    test('sent twice at the same moment happens once', async () => {
      const intent = () => run(increment('n', 1, { idempotencyKey: idempotencyKey('twice', 'by 1') }));
      const outcomes = await Promise.all([intent(), intent(), intent()]);
      expect(outcomes[1]).toEqual(outcomes[0]);
      expect(outcomes[2]).toEqual(outcomes[0]);
      expect(await run(get('n'))).toMatchObject({ value: Buffer.from('1') });
    });

    test('cannot lend its name to another one', async () => {
      await run(increment('n', 5, { idempotencyKey: idempotencyKey('name', 'by 5') }));
      const other = await run(increment('n', 6, { idempotencyKey: idempotencyKey('name', 'by 6') }));
      expect(other).toMatchObject({ kind: 'failed', code: 'idempotency-key-reused' });
      expect(await run(get('n'))).toMatchObject({ value: Buffer.from('5') });
    });

    test('and that was refused, may be tried again under its name', async () => {
      const intent = () =>
        put('k', 'v', '', { condition: { ifMatch: '*' }, idempotencyKey: idempotencyKey('try', 'v') });
      expect((await run(intent())).kind).toBe('precondition-failed');
      await run(put('k', 'old'));
      expect((await run(intent())).kind).toBe('replaced');
    });
  });

  describe('operations that go together', () => {
    test('see those before them, and are answered one by one', async () => {
      await run(put('{u}old', '1'));
      const outcome = await run(
        atomic(put('{u}a', 'x'), get('{u}a'), increment('{u}n', 2), remove('{u}old'), get('{u}old'), head('{u}n')),
      );
      expect(outcome).toMatchObject({
        kind: 'batch',
        outcomes: [
          { kind: 'created' },
          { kind: 'value', value: Buffer.from('x') },
          { kind: 'counted', number: 2n },
          { kind: 'deleted' },
          { kind: 'absent' },
          { kind: 'metadata', valueBytes: 1 },
        ],
      });
    });

    test('all do not happen when one is refused, whoever it is', async () => {
      await run(put('{u}text', 'seven'));
      const refused = increment('{u}text', 1);
      const others = [put('{u}a', '1'), increment('{u}n', 1), remove('{u}text')];
      for (const operations of [
        [refused, ...others],
        [...others.slice(0, 2), refused],
        [...others.slice(0, 2), put('{u}b', '1', '', { condition: { ifMatch: '*' } })],
      ]) {
        const outcome = await run(atomic(...operations));
        const outcomes = outcome.kind === 'batch' ? outcome.outcomes : [];
        expect(outcomes.filter(({ kind }) => kind === 'precondition-failed' || kind === 'failed')).toHaveLength(
          operations.length,
        );
        expect(outcomes.filter((one) => one.kind === 'failed' && one.code === 'batch-refused')).toHaveLength(
          operations.length - 1,
        );
        expect(await run(get('{u}a'))).toEqual({ kind: 'absent' });
        expect(await run(get('{u}n'))).toEqual({ kind: 'absent' });
        expect(await run(get('{u}text'))).toMatchObject({ value: Buffer.from('seven') });
      }
      expect(await run(increment('{u}n', 1))).toMatchObject({ number: 1n });
    });

    test('do not fail others that come at the same time', async () => {
      const refused = atomic(put('{u}a', '1'), put('{u}b', '1', '', { condition: { ifMatch: '*' } }));
      const outcomes = await Promise.all([run(put('{u}x', '1')), run(refused), run(put('{u}y', '2'))]);
      expect(outcomes.map(({ kind }) => kind)).toEqual(['created', 'batch', 'created']);
      expect(await run(get('{u}y'))).toMatchObject({ value: Buffer.from('2') });
      expect(await run(get('{u}a'))).toEqual({ kind: 'absent' });
    });

    test('happen once under a name, and are answered the same', async () => {
      const order = () => batchNamed('order', 'both', increment('{u}n', 5), put('{u}k', 'v'));
      const first = await run(order());
      await run(remove('{u}k'));
      expect(await run(order())).toEqual(first);
      expect(await run(get('{u}n'))).toMatchObject({ value: Buffer.from('5') });
      expect(await run(get('{u}k'))).toEqual({ kind: 'absent' });
    });

    test.each<[name: string, other: AtomicOperation]>([
      ['with a part of the same operations', batchNamed('order', 'other', put('{u}a', '1'), put('{u}c', '1'))],
      ['with the same keys', batchNamed('order', 'values', put('{u}a', '2'), put('{u}b', '2'))],
      ['with more operations', batchNamed('order', 'more', put('{u}a', '1'), put('{u}b', '1'), put('{u}c', '1'))],
      ['with fewer operations', batchNamed('order', 'fewer', put('{u}a', '1'))],
      ['with other keys', batchNamed('order', 'keys', put('{u}c', '1'), put('{u}d', '1'))],
      ['that reads first', batchNamed('order', 'read', get('{u}a'), put('{u}c', '1'))],
      [
        'of which only a part is known',
        batchNamed('order', 'both', put('{u}a', '1'), put('{u}b', '1'), put('{u}c', '1')),
      ],
    ])('lend their name to no other batch, such as one %s: nothing of it is done', async (_, other) => {
      await run(batchNamed('order', 'both', put('{u}a', '1'), put('{u}b', '1')));
      const before = await Promise.all(['{u}a', '{u}b'].map((key) => run(get(key))));
      expect(codesOf(await run(other))).toContain('idempotency-key-reused');
      expect(await Promise.all(['{u}a', '{u}b'].map((key) => run(get(key))))).toEqual(before);
      expect(await run(get('{u}c'))).toEqual({ kind: 'absent' });
      expect(await run(get('{u}d'))).toEqual({ kind: 'absent' });
    });

    test('move an amount from one counter to another without ever making or losing any', async () => {
      await run(increment('{bank}a', 100));
      const move = atomic(increment('{bank}a', -1), increment('{bank}b', 1));
      const look = atomic(get('{bank}a'), get('{bank}b'));
      const outcomes = await Promise.all(Array.from({ length: 60 }, (_, n) => run(n % 2 === 0 ? move : look)));
      for (const [n, outcome] of outcomes.entries()) {
        if (n % 2 === 0 || outcome.kind !== 'batch') continue;
        const amounts = outcome.outcomes.map((one) => (one.kind === 'value' ? Number(one.value) : 0));
        expect(amounts.reduce((sum, amount) => sum + amount, 0)).toBe(100);
      }
      expect(await run(get('{bank}b'))).toMatchObject({ value: Buffer.from('30') });
    });
  });
}
