/** What is read from a request, each part by itself: what it means, and with which error a wrong one is refused. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { batchOf } from '../../src/http/request/batch-request.ts';
import { bodyOf, checkBodyHeaders, storableContentType } from '../../src/http/request/body.ts';
import { conditionOf, conditionOfTexts, etagOf, readVerdict } from '../../src/http/request/conditions.ts';
import { expiryNeeded, expiryWanted, ttlSecondsMax } from '../../src/http/request/expiry.ts';
import { guardsOf } from '../../src/http/request/guards.ts';
import { idempotencyKey, idempotencyKeyOf, nameIn } from '../../src/http/request/idempotency.ts';
import { incrementOf } from '../../src/http/request/increment.ts';
import { keyFields, prefixFields, valueFields } from '../../src/http/request/json-fields.ts';
import { keyRequestOf } from '../../src/http/request/key-request.ts';
import { oneOfTexts, parametersOf, wholeNumber } from '../../src/http/request/parameters.ts';
import { partWanted } from '../../src/http/request/part-wanted.ts';
import { prefers } from '../../src/http/request/preference.ts';
import { sendTiming, timingWanted } from '../../src/http/request/server-timing.ts';
import { type ErrorCode, KvError } from '../../src/kv/errors.ts';
import { partOf } from '../../src/kv/value-part.ts';
import { slotOf } from '../../src/partition/slot.ts';

/** The code with which `work` refuses. */
function refusal(work: () => unknown): ErrorCode | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof KvError) return error.code;
    throw error;
  }
}

const key = Buffer.from('key');

/** As much of a request as is read here. */
function requestOf(url: string, headers: Record<string, string> = {}, body?: Buffer): FastifyRequest {
  return { raw: { url }, headers, method: 'PUT', body } as unknown as FastifyRequest;
}

describe('conditions', () => {
  test.each<[string | undefined, string | undefined, unknown]>([
    [undefined, undefined, undefined],
    ['*', undefined, { ifMatch: '*' }],
    [undefined, ' * ', { ifNoneMatch: '*' }],
    ['"5"', '"6", "7"', { ifMatch: [5], ifNoneMatch: [6, 7] }],
    ['"5" ,, "6",', undefined, { ifMatch: [5, 6] }],
    ['"5", ,"6"', undefined, { ifMatch: [5, 6] }],
    ['W/"5"', 'W/"5"', { ifMatch: [], ifNoneMatch: [5] }],
    ['"a,b", "5"', undefined, { ifMatch: [5] }],
    ['"05", "0", "5x", "x5", ""', undefined, { ifMatch: [] }],
    ['"9007199254740991", "9007199254740992"', undefined, { ifMatch: [9_007_199_254_740_991] }],
    ['"12345678901234567"', undefined, { ifMatch: [] }],
  ])('If-Match %s and If-None-Match %s', (match, noneMatch, condition) => {
    const headers = {
      ...(match !== undefined && { 'if-match': match }),
      ...(noneMatch !== undefined && { 'if-none-match': noneMatch }),
    };
    expect(conditionOf(headers)).toEqual(condition);
  });

  test.each(['5', '"5', '5"', '"5" "6"', 'w/"5"', 'W/5', '', ',', '*, "5"', 'x"5"', '"5"x', '"a\u0100"'])(
    '%j is malformed',
    (text) => {
      expect(refusal(() => conditionOfTexts(text, undefined))).toBe('condition-malformed');
      expect(refusal(() => conditionOfTexts(undefined, text))).toBe('condition-malformed');
    },
  );

  test('name at most 32 versions', () => {
    const list = (count: number) => Array.from({ length: count }, (_, n) => `"${n + 1}"`).join(',');
    expect(conditionOfTexts(list(32), undefined).ifMatch).toHaveLength(32);
    expect(refusal(() => conditionOfTexts(list(33), undefined))).toBe('condition-malformed');
  });

  test('of a read decide what is sent', () => {
    const verdict = (headers: Record<string, string>) => readVerdict(conditionOf(headers), 5);
    expect(verdict({})).toBe('send');
    expect(verdict({ 'if-match': '"5"' })).toBe('send');
    expect(verdict({ 'if-match': '"4"', 'if-none-match': '"5"' })).toBe('precondition-failed');
    expect(verdict({ 'if-match': '"5"', 'if-none-match': '"5"' })).toBe('not-modified');
    expect(verdict({ 'if-none-match': 'W/"5"' })).toBe('not-modified');
    expect(verdict({ 'if-none-match': '"4"' })).toBe('send');
    expect(etagOf(5)).toBe('"5"');
  });
});

describe('ranges', () => {
  const whole = 'whole';
  const part = (headers: Record<string, string>, version: number, valueBytes: number) =>
    partOf(partWanted(headers), version, valueBytes);
  test.each<[string | undefined, unknown]>([
    [undefined, whole],
    ['bytes=0-', { first: 0, last: 9 }],
    ['bytes=0-0', { first: 0, last: 0 }],
    ['Bytes= 2-4 ', { first: 2, last: 4 }],
    ['bytes=2-99', { first: 2, last: 9 }],
    ['bytes=9-', { first: 9, last: 9 }],
    ['bytes=10-', 'none'],
    ['bytes=10-12', 'none'],
    [`bytes=${'9'.repeat(400)}-`, 'none'],
    [`bytes=0-${'9'.repeat(400)}`, { first: 0, last: 9 }],
    [`bytes=-${'9'.repeat(400)}`, { first: 0, last: 9 }],
    ['bytes=-3', { first: 7, last: 9 }],
    ['bytes=-99', { first: 0, last: 9 }],
    ['bytes=-0', 'none'],
    ['bytes=-', whole],
    ['bytes=4-2', whole],
    ['bytes=4-4', { first: 4, last: 4 }],
    ['bytes=0-1,3-4', whole],
    ['xbytes=0-1', whole],
    ['items=0-1', whole],
    ['bytes=a-1', whole],
    ['bytes=1-2x', whole],
  ])('%s of ten bytes', (range, wanted) => {
    expect(part(range === undefined ? {} : { range }, 5, 10)).toEqual(wanted);
  });

  test('of no bytes', () => {
    expect(part({ range: 'bytes=-3' }, 5, 0)).toBe('none');
    expect(part({ range: 'bytes=0-' }, 5, 0)).toBe('none');
  });

  test('count only for the version that If-Range names', () => {
    expect(part({ range: 'bytes=0-1', 'if-range': '"5"' }, 5, 10)).toEqual({ first: 0, last: 1 });
    expect(part({ range: 'bytes=0-1', 'if-range': '"4"' }, 5, 10)).toBe('whole');
    expect(part({ range: 'bytes=0-1', 'if-range': 'W/"5"' }, 5, 10)).toBe('whole');
  });

  test('count for nothing where a precondition does not hold', () => {
    expect(part({ range: 'bytes=0-1', 'if-none-match': '"5"' }, 5, 10)).toBe('none');
    expect(part({ range: 'bytes=0-1', 'if-match': '"4"' }, 5, 10)).toBe('none');
    expect(part({ range: 'bytes=0-1', 'if-match': '"5"' }, 5, 10)).toEqual({ first: 0, last: 1 });
  });
});

describe('expiry', () => {
  test('is in so many seconds, which the store counts, at a time, or never', () => {
    expect(expiryWanted(undefined, undefined)).toEqual({});
    expect(expiryWanted('5', undefined)).toEqual({ ttlMs: 5_000 });
    expect(expiryWanted(undefined, '17')).toEqual({ expiresAtMs: 17 });
    expect(expiryWanted(undefined, 'never')).toEqual({ expiresAtMs: 0 });
    expect(expiryNeeded(undefined, '17')).toEqual({ expiresAtMs: 17 });
    expect(expiryWanted(`${ttlSecondsMax}`, undefined)).toEqual({ ttlMs: ttlSecondsMax * 1_000 });
  });

  test.each<[string | undefined, string | undefined]>([
    ['0', undefined],
    [`${ttlSecondsMax + 1}`, undefined],
    ['-1', undefined],
    ['1.5', undefined],
    ['', undefined],
    ['5', '17'],
    [undefined, '0'],
    [undefined, '12345678901234567'],
    ['never', undefined],
    ['5', 'never'],
  ])('ttl %s and expires-at %s are refused', (ttl, expiresAt) => {
    expect(refusal(() => expiryWanted(ttl, expiresAt))).toBe('parameter-invalid');
    expect(refusal(() => expiryNeeded(ttl, expiresAt))).toBe('parameter-invalid');
  });

  test('is needed where a write is about nothing else', () => {
    expect(refusal(() => expiryNeeded(undefined, undefined))).toBe('parameter-invalid');
  });
});

describe('parameters', () => {
  test('are those that the route knows, each once', () => {
    expect(parametersOf('/path', ['a'])).toEqual({});
    expect(parametersOf('/path?', ['a'])).toEqual({});
    expect(parametersOf('/path?a=1&b=%20x', ['a', 'b'])).toEqual({ a: '1', b: ' x' });
    expect(refusal(() => parametersOf('/path?c=1', ['a', 'b']))).toBe('parameter-unknown');
    expect(() => parametersOf('/path?c=1', ['a', 'b'])).toThrow(
      'There is no query parameter "c" here; allowed are a, b.',
    );
    expect(refusal(() => parametersOf('/path?a=1&a=1', ['a']))).toBe('parameter-invalid');
  });

  test('are one of some texts', () => {
    expect(oneOfTexts('name', undefined, ['a', 'b'])).toBeUndefined();
    expect(oneOfTexts('name', 'b', ['a', 'b'])).toBe('b');
    expect(() => oneOfTexts('name', 'c', ['a', 'b'])).toThrow('name must be "a" or "b", not "c".');
  });

  test('are whole numbers within bounds', () => {
    const number = (text?: string) => wholeNumber('n', text, { min: 2, max: 2_000 });
    expect([number(), number('2'), number('2000'), number('0003')]).toEqual([undefined, 2, 2_000, 3]);
    for (const text of ['1', '2001', '-3', '3.0', '3x', 'x3', '', ' 3', '12345678901234567']) {
      expect(
        refusal(() => number(text)),
        text,
      ).toBe('parameter-invalid');
    }
  });

  test('say how much to add: whole numbers of 64 bits', () => {
    expect(incrementOf('5')).toBe(5n);
    expect(incrementOf('-9223372036854775808')).toBe(-(2n ** 63n));
    expect(incrementOf('9223372036854775807')).toBe(2n ** 63n - 1n);
    for (const text of ['9223372036854775808', '-9223372036854775809', '1.5', '', '+1', '1x', 'x1', '0'.repeat(20)]) {
      expect(
        refusal(() => incrementOf(text)),
        text,
      ).toBe('parameter-invalid');
    }
  });
});

describe('the body', () => {
  test('is its bytes, and none when there is none', () => {
    expect(bodyOf(requestOf('/', {}, key))).toBe(key);
    expect(bodyOf(requestOf('/'))).toEqual(Buffer.alloc(0));
  });

  test('has a type of at most 255 bytes, or none', () => {
    expect(storableContentType(undefined)).toBe('');
    expect(storableContentType('a'.repeat(255))).toHaveLength(255);
    expect(refusal(() => storableContentType('a'.repeat(256)))).toBe('content-type-invalid');
  });

  test('is neither encoded nor a part', () => {
    const check = (headers: Record<string, string>) => refusal(() => checkBodyHeaders(requestOf('/', headers)));
    expect([check({}), check({ 'content-encoding': 'identity' })]).toEqual([undefined, undefined]);
    expect(check({ 'content-encoding': 'gzip' })).toBe('content-encoding-unsupported');
    expect(check({ 'content-range': 'bytes 0-1/2' })).toBe('content-range-unsupported');
  });
});

describe('idempotency keys', () => {
  test('are 1 to 255 visible characters', () => {
    const named = (name: string) => nameIn({ 'idempotency-key': name });
    expect([nameIn({}), named('!'), named('~'.repeat(255))]).toEqual([undefined, '!', '~'.repeat(255)]);
    for (const name of ['', 'a b', 'é', '\x7f', '~'.repeat(256)]) {
      expect(
        refusal(() => named(name)),
        name,
      ).toBe('idempotency-key-invalid');
    }
    expect(refusal(() => nameIn({ 'idempotency-key': ['a', 'b'] as unknown as string }))).toBe(
      'idempotency-key-invalid',
    );
  });

  test('name a write of one key, and tell requests apart however their parts are cut', () => {
    const { opId, fingerprint } = idempotencyKey('name', key, ['ab', 'c']);
    expect([opId.length, fingerprint.length]).toEqual([16, 8]);
    expect(idempotencyKey('name', key, ['ab', 'c'])).toEqual({ opId, fingerprint });
    expect(idempotencyKey('other', key, ['ab', 'c']).opId).not.toEqual(opId);
    expect(idempotencyKey('name', Buffer.from('k'), ['ab', 'c']).opId).not.toEqual(opId);
    expect(idempotencyKey('name', key, ['a', 'bc'])).toMatchObject({ opId });
    expect(idempotencyKey('name', key, ['a', 'bc']).fingerprint).not.toEqual(fingerprint);
    expect(idempotencyKeyOf({}, key, [])).toEqual({});
    expect(idempotencyKeyOf({ 'idempotency-key': 'name' }, key, ['ab', 'c']).idempotencyKey).toEqual({
      opId,
      fingerprint,
    });
  });

  test('and conditions guard a write: another condition or URL is another request', () => {
    const guards = (url: string, headers: Record<string, string>) => guardsOf(requestOf(url, headers), key, ['asked']);
    expect(guards('/a', {})).toStrictEqual({});
    expect(guards('/a', { 'idempotency-key': 'name' })).not.toHaveProperty('condition');
    expect(guards('/a', { 'if-match': '"5"' })).toEqual({ condition: { ifMatch: [5] } });
    const name = { 'idempotency-key': 'name' };
    const plain = guards('/a', name).idempotencyKey?.fingerprint;
    const both = guards('/a', { ...name, 'if-match': '"5"' });
    expect(both.condition).toEqual({ ifMatch: [5] });
    const fingerprints = [plain, both.idempotencyKey?.fingerprint, guards('/b', name).idempotencyKey?.fingerprint];
    expect(new Set(fingerprints.map((one) => one?.toString('hex'))).size).toBe(3);
  });
});

describe('a request for one key', () => {
  const parsed = (url: string) => keyRequestOf(requestOf(url), '/v1/kv/', ['key-encoding', 'timing', 'ttl']);

  test('names it in the path, and its slot follows', () => {
    expect(parsed('/v1/kv/a%2Fb/c?ttl=5')).toEqual({
      slot: slotOf(Buffer.from('a/b/c')),
      key: Buffer.from('a/b/c'),
      parameters: { ttl: '5' },
      timing: undefined,
    });
    expect(parsed('/v1/kv/_w?key-encoding=base64url').key).toEqual(Buffer.from([0xff]));
    expect(parsed('/v1/kv/_w?key-encoding=percent').key).toEqual(Buffer.from('_w'));
    expect(parsed('/v1/kv/abc').key).toEqual(Buffer.from('abc'));
    expect(parsed('/v1/kv/a?timing').timing).toEqual({ beganAtMs: expect.any(Number) });
  });

  test('is refused when anything of it is wrong', () => {
    expect(refusal(() => parsed('/v1/%6Bv/a'))).toBe('route-unknown');
    expect(refusal(() => parsed('/v1/kv/?ttl=5'))).toBe('key-empty');
    expect(refusal(() => parsed('/v1/kv/a?key-encoding=hex'))).toBe('parameter-invalid');
    expect(refusal(() => parsed('/v1/kv/a?by=5'))).toBe('parameter-unknown');
  });
});

test.each<[string | undefined, boolean]>([
  [undefined, false],
  ['return=representation', true],
  ['Return = "representation"', true],
  ['wait=5, return=representation; x=y', true],
  ['return=minimal', false],
  ['return', false],
])('Prefer %j prefers the representation: %s', (prefer, isWanted) => {
  const headers: Record<string, string> = prefer === undefined ? {} : { prefer };
  expect(prefers(requestOf('/', headers), 'return=representation')).toBe(isWanted);
});

describe('timing', () => {
  test.each<[string | undefined, string | undefined, boolean]>([
    [undefined, undefined, false],
    ['', undefined, true],
    [undefined, 'server-timing', true],
    [undefined, 'wait=5, Server-Timing; x', true],
    [undefined, 'no-server-timing', false],
    [undefined, 'server-timings', false],
  ])('parameter %s, Prefer %s: %s', (parameter, prefer, isWanted) => {
    const headers: Record<string, string> = prefer === undefined ? {} : { prefer };
    expect(timingWanted(requestOf('/', headers), parameter) !== undefined).toBe(isWanted);
  });

  test('is told by its parts, which sum to the whole', () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const sent: string[] = [];
    const reply = { header: (_name: string, value: string) => sent.push(value) } as unknown as FastifyReply;
    vi.advanceTimersByTime(7);
    const beganAtMs = performance.now();
    vi.advanceTimersByTime(10);
    sendTiming(reply, undefined);
    sendTiming(reply, { beganAtMs });
    sendTiming(reply, { beganAtMs, sqliteMs: 2, wireMs: 3.5, executor: 'shard-2' });
    expect(sent).toEqual([
      'route;dur=10.000',
      'route;dur=4.500, wire;dur=3.500, sqlite;dur=2.000, shard;desc="shard-2"',
    ]);
  });
});

describe('JSON', () => {
  const bytes = Buffer.from([0xff]);
  test('has text where bytes are UTF-8, and base64 under another name where they are not', () => {
    expect([keyFields(key), keyFields(bytes)]).toEqual([{ key: 'key' }, { keyBase64url: '_w' }]);
    expect([prefixFields(key), prefixFields(bytes)]).toEqual([{ prefix: 'key' }, { prefixBase64url: '_w' }]);
    expect([valueFields(key), valueFields(bytes)]).toEqual([{ value: 'key' }, { valueBase64: '/w==' }]);
  });
});

describe('a batch', () => {
  const context = { valueBytesMax: 10, name: undefined, isAtomic: false };
  const parse = (body: unknown, more: Partial<Parameters<typeof batchOf>[2]> = {}) =>
    batchOf(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), 'json', { ...context, ...more });
  const one = (item: unknown, more: Partial<Parameters<typeof batchOf>[2]> = {}) =>
    parse({ operations: [item] }, more).operations[0];

  test('is JSON, or lines of it', () => {
    const get = { op: 'get', key: 'a' };
    expect(parse({ operations: [get] })).toEqual({
      isAtomic: false,
      operations: [{ kind: 'get', slot: slotOf(Buffer.from('a')), key: Buffer.from('a') }],
    });
    expect(parse({ operations: [get], atomic: true }).isAtomic).toBe(true);
    const lines = batchOf(Buffer.from(`${JSON.stringify(get)}\n\n \n ${JSON.stringify(get)}\n`), 'ndjson', context);
    expect([lines.isAtomic, lines.operations.length]).toEqual([false, 2]);
  });

  test('does each kind of operation', () => {
    expect(one({ op: 'put', key: 'a', value: 'x', contentType: 'a/b' })).toMatchObject({
      kind: 'put',
      contentType: 'a/b',
      value: Buffer.from('x'),
    });
    expect(one({ op: 'put', keyBase64url: '_w', valueBase64: '/w==' })).toStrictEqual({
      kind: 'put',
      slot: slotOf(Buffer.from([0xff])),
      key: Buffer.from([0xff]),
      contentType: '',
      value: Buffer.from([0xff]),
    });
    expect(one({ op: 'put', key: 'a', value: '', ttl: 5 })).toMatchObject({ ttlMs: 5_000 });
    expect(one({ op: 'put', key: 'a', value: '', ttl: '5' })).toMatchObject({ ttlMs: 5_000 });
    expect(one({ op: 'delete', key: 'a', ifMatch: '"5"' })).toMatchObject({ condition: { ifMatch: [5] } });
    expect(one({ op: 'delete', key: 'a', ifNoneMatch: '*' })).toMatchObject({ condition: { ifNoneMatch: '*' } });
    expect(one({ op: 'delete', key: 'a' })).not.toHaveProperty('condition');
    expect(one({ op: 'increment', key: 'a' })).toMatchObject({ kind: 'increment', by: 1n });
    expect(one({ op: 'increment', key: 'a', by: '9223372036854775807' })).toMatchObject({ by: 2n ** 63n - 1n });
  });

  test('names each of its writes by its place when it is named itself', () => {
    const item = { op: 'delete', key: 'a' };
    const [first, second] = parse({ operations: [item, item] }, { name: 'name' }).operations;
    const expected = (index: number) => idempotencyKey(`name#${index}`, Buffer.from('a'), [JSON.stringify(item)]);
    expect([first, second]).toMatchObject([{ idempotencyKey: expected(0) }, { idempotencyKey: expected(1) }]);
    expect(one({ op: 'get', key: 'a' }, { name: 'name' })).not.toHaveProperty('idempotencyKey');
  });

  test.each<[string, unknown, ErrorCode]>([
    ['no JSON', '{', 'batch-malformed'],
    ['no object', '[]', 'batch-malformed'],
    ['null', 'null', 'batch-malformed'],
    ['no operations', {}, 'batch-malformed'],
    ['empty', { operations: [] }, 'batch-malformed'],
    ['operations that are no list', { operations: {} }, 'batch-malformed'],
    ['atomic, of another type', { operations: [{ op: 'get', key: 'a' }], atomic: 'true' }, 'batch-malformed'],
    ['of an unknown field', { operations: [{ op: 'get', key: 'a' }], more: 1 }, 'batch-malformed'],
    ['too long', { operations: Array(1_001).fill({ op: 'get', key: 'a' }) }, 'batch-too-large'],
  ])('that is %s is refused', (_what, body, code) => {
    expect(refusal(() => parse(body))).toBe(code);
  });

  test('may have a thousand operations', () => {
    expect(parse({ operations: Array(1_000).fill({ op: 'get', key: 'a' }) }).operations).toHaveLength(1_000);
  });

  test.each<[string, unknown, ErrorCode, string]>([
    ['is no object', 5, 'batch-malformed', 'it is not an object'],
    ['is null', null, 'batch-malformed', 'it is not an object'],
    ['is a list', [], 'batch-malformed', 'it is not an object'],
    ['has an unknown op', { op: 'post', key: 'a' }, 'batch-malformed', '"op" is'],
    ['has an unknown field', { op: 'get', key: 'a', ifMatch: '*' }, 'batch-malformed', 'get has no field "ifMatch"'],
    ['has no key', { op: 'get' }, 'batch-malformed', 'either "key" or "keyBase64url"'],
    ['has two keys', { op: 'get', key: 'a', keyBase64url: 'YQ' }, 'batch-malformed', 'either "key" or "keyBase64url"'],
    ['has a key that is no text', { op: 'get', key: 5 }, 'batch-malformed', '"key" must be a string'],
    ['has half a character', { op: 'get', key: 'a\ud800' }, 'batch-malformed', '"key" must be a string'],
    ['has an empty key', { op: 'get', key: '' }, 'key-empty', 'A key must have'],
    ['has no value', { op: 'put', key: 'a' }, 'batch-malformed', 'either "value" or "valueBase64"'],
    ['has two values', { op: 'put', key: 'a', value: '', valueBase64: '' }, 'batch-malformed', 'either "value" or'],
    ['has no base64', { op: 'put', key: 'a', valueBase64: 'a-_' }, 'batch-malformed', 'is not base64'],
    ['has base64 after its end', { op: 'put', key: 'a', valueBase64: 'YQ==YQ' }, 'batch-malformed', 'is not base64'],
    [
      'is too large',
      { op: 'put', key: 'a', value: 'x'.repeat(11) },
      'value-too-large',
      'a value may have at most 10 bytes',
    ],
    [
      'has a type of other characters',
      { op: 'put', key: 'a', value: '', contentType: 'a\n' },
      'content-type-invalid',
      'a content type may only have',
    ],
    [
      'has a ttl that is no number',
      { op: 'put', key: 'a', value: '', ttl: true },
      'batch-malformed',
      '"ttl" must be a whole',
    ],
    ['has half a second', { op: 'put', key: 'a', value: '', ttl: 1.5 }, 'batch-malformed', '"ttl" must be a whole'],
    [
      'adds beyond what numbers hold',
      { op: 'increment', key: 'a', by: 2 ** 53 },
      'batch-malformed',
      '"by" must be a whole',
    ],
    [
      'has a condition that is none',
      { op: 'delete', key: 'a', ifMatch: '5' },
      'condition-malformed',
      'If-Match must be',
    ],
  ])('with an operation that %s is refused, and says which', (_what, item, code, sentence) => {
    const body = { operations: [{ op: 'get', key: 'a' }, item] };
    expect(refusal(() => parse(body))).toBe(code);
    expect(() => parse(body)).toThrow(/^Operation 1: /);
    expect(() => parse(body)).toThrow(sentence);
  });

  test('of lines says which line is no JSON', () => {
    const lines = (text: string) => () => batchOf(Buffer.from(text), 'ndjson', context);
    expect(lines('{"op":"get","key":"a"}\n{')).toThrow('Line 2 is not JSON');
    expect(refusal(lines('\n \n'))).toBe('batch-malformed');
  });

  test('may have a value of exactly the most bytes', () => {
    expect(one({ op: 'put', key: 'a', value: 'x'.repeat(10) })).toMatchObject({ kind: 'put' });
  });
});
