/**
 * What clients write as a key, and which bytes that names. A key that is read wrongly is a value stored where
 * nobody will find it, so every spelling has to lead to the same bytes and every name has to lead back.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keyOfPath, urlOfKey } from '../../src/http/key-in-url.ts';
import { type Key, keyBytesMax, keyOfBase64url, keyOfText } from '../../src/kv/key.ts';

const anyBytes = fc.uint8Array({ minLength: 1, maxLength: keyBytesMax }).map((bytes) => Buffer.from(bytes));
const anyText = fc.string({ unit: 'binary', minLength: 1, maxLength: keyBytesMax / 4 });
/** Short texts of the characters that mean something in a URL or in a hash tag. */
const awkwardText = fc.string({ unit: fc.constantFrom(...'./\\%?#{}&+ ~\0é'), minLength: 1, maxLength: 8 });
const anyKey = fc.oneof(
  anyBytes,
  anyText.map((text) => Buffer.from(text)),
  awkwardText.map((text) => Buffer.from(text)),
);

describe('a key in a path', () => {
  test.each([
    ['plain ASCII', 'user:1000', 'user:1000'],
    ['percent-encoded UTF-8', 'caf%C3%A9', 'café'],
    ['lower-case hexadecimal digits', 'caf%c3%a9', 'café'],
    ['a percent sign', '100%25', '100%'],
    ['what looks encoded twice, decoded once', '%2541', '%41'],
    ['a raw slash', 'a/b//c/', 'a/b//c/'],
    ['an encoded slash', 'a%2Fb', 'a/b'],
    ['a plus sign, which is no space', 'a+b', 'a+b'],
    ['an encoded NUL', '%00', '\0'],
  ])('may hold %s', (_what, segment, text) => {
    expect(keyOfPath(segment).toString()).toBe(text);
  });

  test('may hold raw UTF-8 bytes, as node:http gives them: one char a byte', () => {
    expect(keyOfPath(Buffer.from('東京/café 🔑').toString('latin1')).toString()).toBe('東京/café 🔑');
  });

  test('is the same whether each of its bytes stands raw or percent-encoded', () => {
    const hexDigits = fc.constantFrom<(hex: string) => string>(
      (hex) => hex.toUpperCase(),
      (hex) => hex.toLowerCase(),
    );
    const spelling = fc.record({ encode: fc.boolean(), hexDigits });
    const spellings = fc.infiniteStream(spelling);
    fc.assert(
      fc.property(fc.oneof(anyText, awkwardText), spellings, (text, stream) => {
        fc.pre(text !== '.' && text !== '..');
        const bytes = Buffer.from(text);
        const segment = [...bytes].map((byte) => {
          const { encode, hexDigits } = stream.next().value;
          // A raw percent sign would begin an escape.
          if (!encode && byte !== 0x25) return String.fromCharCode(byte);
          return `%${hexDigits(byte.toString(16).padStart(2, '0'))}`;
        });
        expect(keyOfPath(segment.join('')).equals(bytes)).toBe(true);
      }),
    );
  });

  test.each(['.', '..', '%2e', '%2E.', '.%2e'])('is malformed when URL clients would fold it away: %j', (segment) => {
    expect(() => keyOfPath(segment)).toThrow(expect.objectContaining({ code: 'key-malformed' }));
  });

  test.each(['%', 'a%', '%4', 'a%2', '%zz', '%%41', '%+1', '%-1', '% 1', '%4g', '%0x'])(
    'is malformed when a percent sign begins no byte: %j',
    (segment) => {
      expect(() => keyOfPath(segment)).toThrow(refusal('key-malformed'));
    },
  );

  test.each([
    ['a byte that UTF-8 never has', '%ff'],
    ['the same, raw', '\xff'],
    ['half a character', 'caf%C3'],
    ['a continuation byte alone', '%A9'],
    ['an overlong slash', '%C0%AF'],
    ['a surrogate', '%ED%A0%80'],
    ['a code point beyond the last', '%F5%80%80%80'],
  ])('is malformed when it is not UTF-8: %s', (_what, segment) => {
    expect(() => keyOfPath(segment)).toThrow(refusal('key-malformed', /base64url/));
  });
});

describe('a key in base64url', () => {
  test('may be any bytes', () => {
    fc.assert(
      fc.property(anyBytes, (key) => {
        expect(keyOfBase64url(key.toString('base64url')).equals(key)).toBe(true);
      }),
    );
  });

  test.each(['AA==', 'a+b', 'a/bb', 'a b', 'é', 'A', 'AAAAA', 'AA\n', '%41'])('is malformed when it is %j', (text) => {
    expect(() => keyOfBase64url(text)).toThrow(refusal('key-malformed', /base64url/));
  });
});

describe.each<[spelling: string, keyOf: (text: string) => Key, spell: (text: string) => string]>([
  ['raw in a path', keyOfPath, (text) => Buffer.from(text).toString('latin1')],
  ['percent-encoded in a path', keyOfPath, encodeURIComponent],
  ['in base64url', keyOfBase64url, (text) => Buffer.from(text).toString('base64url')],
  ['as text', keyOfText, (text) => text],
])('the length of a key %s', (_spelling, keyOf, spell) => {
  test('is at least one byte', () => {
    expect(() => keyOf(spell(''))).toThrow(refusal('key-empty', /1 to 1024 bytes/));
    expect(keyOf(spell('k')).toString()).toBe('k');
  });

  test('is at most 1,024 bytes after decoding, not characters', () => {
    expect(keyOf(spell('k'.repeat(1024))).length).toBe(1024);
    expect(keyOf(spell('é'.repeat(512))).length).toBe(1024);
    expect(keyOf(spell('🔑'.repeat(256))).length).toBe(1024);
    expect(() => keyOf(spell('k'.repeat(1025)))).toThrow(refusal('key-too-long', /has 1025 bytes/));
    expect(() => keyOf(spell(`${'é'.repeat(512)}k`))).toThrow(refusal('key-too-long', /has 1025 bytes/));
  });
});

describe('the URL of a key', () => {
  test('leads back to the key, through a URL parser, for every key there can be', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        expect(keyBehind(urlOfKey(key)).equals(key)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test.each(['.', '..', './', '../', 'a/../b', '.%2e', '%2e', '//', '?', '#', 'a?key-encoding=base64url', '\\'])(
    'leads back to %j, which URL parsers would like to change',
    (text) => {
      expect(keyBehind(urlOfKey(Buffer.from(text))).toString()).toBe(text);
    },
  );

  test('is readable wherever the key is', () => {
    expect(urlOfKey(Buffer.from('user:1000'))).toBe('user%3A1000');
    expect(urlOfKey(Buffer.from([0xff]))).toBe('_w?key-encoding=base64url');
  });
});

/** The key that a server reads after a client has put `/v1/kv/` and this into a URL. */
function keyBehind(url: string): Key {
  const { pathname, search } = new URL(`http://h/v1/kv/${url}`);
  expect(pathname + search).toBe(`/v1/kv/${url}`);
  const segment = pathname.slice('/v1/kv/'.length);
  return search === '?key-encoding=base64url' ? keyOfBase64url(segment) : keyOfPath(segment);
}

function refusal(code: string, message = /./) {
  return expect.objectContaining({ name: 'KvError', code, message: expect.stringMatching(message) });
}
