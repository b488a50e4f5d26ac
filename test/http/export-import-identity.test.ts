/**
 * What was stored as bytes comes out of an export and back through an import as the same bytes, for every key and
 * value; and what is not exactly the bytes that somebody meant is refused instead of altered.
 */

import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { batchLineOf, entryOfLine } from '../../src/cli/import-line.ts';
import { Importer, nothingYet } from '../../src/cli/importer.ts';
import { linesOf } from '../../src/cli/line-reader.ts';
import { RestApi } from '../../src/cli/rest-client.ts';
import { urlOfKey } from '../../src/http/key-in-url.ts';
import { batchOf } from '../../src/http/request/batch-request.ts';
import { keyFields, valueFields } from '../../src/http/request/json-fields.ts';
import type { PutOperation } from '../../src/kv/operation.ts';
import { startRestApp } from '../support/rest-app.ts';

/** Pieces at which encodings break: no UTF-8 at all, cut short, overlong, halves of surrogate pairs, U+FFFD itself. */
const pieces = [
  [0xff],
  [0xc3],
  [0xc0, 0x80],
  [0xe2, 0x82],
  [0xed, 0xa0, 0x80],
  [0xed, 0xb0, 0x80],
  [0xf0, 0x9f, 0x98],
  [0xf4, 0x90, 0x80, 0x80],
  [0xef, 0xbf, 0xbd],
  [0xef, 0xbb, 0xbf],
  [0xe2, 0x80, 0xa8],
  [0xf0, 0x9f, 0x98, 0x80],
  [0x00],
  [0x0a],
  [0x0d],
  [0x22],
  [0x5c],
  [0x7b, 0x7d],
].map((bytes) => Uint8Array.from(bytes));

function anyBytes(minLength: number): fc.Arbitrary<Buffer> {
  const piece = fc.oneof(
    fc.constantFrom(...pieces),
    fc.uint8Array({ minLength: 1, maxLength: 6 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 6 }).map((text) => new TextEncoder().encode(text)),
  );
  return fc.array(piece, { minLength, maxLength: 8 }).map((all) => Buffer.concat(all));
}

const anyKey = anyBytes(1);
const anyValue = anyBytes(0);
const anyType = fc.constantFrom(undefined, 'text/plain', 'text/plain; charset="\u00e9\u00ff"', 'a/b');

test('a line of an export becomes the operation that stores the same bytes: 10,000 entries', () => {
  const anyExpiry = fc.option(fc.integer({ min: 1, max: 1_000_000 }), { nil: undefined });
  fc.assert(
    fc.property(anyKey, anyValue, anyType, anyExpiry, (key, value, contentType, leftMs) => {
      const expiresAt = leftMs && Date.now() + 60_000 + leftMs;
      const exported = {
        ...keyFields(key),
        version: 7,
        contentType,
        expiresAt,
        bytes: value.length,
        ...valueFields(value),
      };
      const line = batchLineOf(entryOfLine(Buffer.from(JSON.stringify(exported))));
      const { operations } = batchOf(Buffer.from(line), 'ndjson', {
        valueBytesMax: 1_000,
        name: undefined,
        isAtomic: false,
      });
      expect(operations).toMatchObject([{ kind: 'put', key, value, contentType: contentType ?? '' }]);
      expect((operations[0] as PutOperation).expiresAtMs).toBe(expiresAt);
    }),
    { numRuns: 10_000 },
  );
});

test('an export of a service, imported into another, is exported from there as the same lines: 100 services of up to 12 entries', async () => {
  const [from, to] = [await startRestApp(), await startRestApp()];
  const entry = fc.record({ key: anyKey, value: anyValue, contentType: anyType });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(entry, { maxLength: 12, selector: ({ key }) => key.toString('latin1') }),
      async (entries) => {
        await Promise.all([from, to].map(({ url }) => empty(url)));
        await Promise.all(
          entries.map(async ({ key, value, contentType }) => {
            const headers: Record<string, string> = contentType === undefined ? {} : { 'content-type': contentType };
            const url = `${from.url}/v1/kv/${urlOfKey(key)}`;
            expect((await fetch(url, { method: 'PUT', body: value, headers })).ok).toBe(true);
          }),
        );
        const exported = await exportOf(from.url);
        expect(keysIn(exported)).toEqual(new Set(entries.map(({ key }) => key.toString('base64url'))));

        const importer = new Importer(new RestApi(to.url, 60_000), nothingYet, {
          onRefused: ({ detail }) => expect.unreachable(detail),
          onAcknowledged: () => {},
        });
        for await (const line of linesOf(Readable.from([Buffer.from(exported)]), { number: 0, endOffset: 0 }))
          await importer.add(line);
        await importer.end();
        expect(withoutVersions(await exportOf(to.url))).toBe(withoutVersions(exported));
      },
    ),
    { numRuns: 100 },
  );
});

async function exportOf(url: string): Promise<string> {
  return (await fetch(`${url}/v1/kv?values=true`, { headers: { accept: 'application/x-ndjson' } })).text();
}

async function empty(url: string): Promise<void> {
  const paths = [...keysIn(await exportOf(url))].map((key) => `/v1/kv/${key}?key-encoding=base64url`);
  await Promise.all(paths.map((path) => fetch(url + path, { method: 'DELETE' })));
}

function keysIn(exported: string): Set<string> {
  const lines = exported.split('\n').filter((line) => line !== '');
  return new Set(lines.map((line) => entryOfLine(Buffer.from(line)).key.toString('base64url')));
}

function withoutVersions(exported: string): string {
  return exported.replaceAll(/"version":\d+,/g, '');
}

const brokenBase64 = [
  'A',
  'AAAAA',
  'A=',
  'A==',
  'AA=',
  'AAA==',
  '=',
  '==',
  '=A',
  'A A',
  'A-',
  'AA===',
  'AAAA=',
  'AAAA==',
];

test.each(brokenBase64)('the base64 %j is refused in an import and in a batch', (valueBase64) => {
  const line = JSON.stringify({ key: 'k', valueBase64 });
  expect(() => entryOfLine(Buffer.from(line))).toThrow('"valueBase64" is not base64');
  const batch = Buffer.from(JSON.stringify({ op: 'put', key: 'k', valueBase64 }));
  expect(() => batchOf(batch, 'ndjson', { valueBytesMax: 1_000, name: undefined, isAtomic: false })).toThrow(
    'is not base64',
  );
});

test.each(['', 'AA', 'AA==', 'AAA', 'AAA=', 'AAAA'])('the base64 %j, padded or not, is what its bytes are', (text) => {
  const { value } = entryOfLine(Buffer.from(JSON.stringify({ key: 'k', valueBase64: text })));
  expect(value).toEqual(Buffer.alloc(Math.floor((text.replaceAll('=', '').length * 3) / 4)));
});

const broken = Buffer.from('{"op":"put","key":"a\xffb","value":"x"}', 'latin1');

test('a batch of lines that is not UTF-8 is refused with the number of the line, and nothing of it is done', async () => {
  const { url, executed } = await startRestApp();
  const good = Buffer.from('{"op":"put","key":"good","value":"\u00e9"}\n\n');
  const answer = await fetch(`${url}/v1/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: Buffer.concat([good, good, broken, Buffer.from('\n')]),
  });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({
    code: 'batch-malformed',
    detail: expect.stringMatching(/^Line 5 is not UTF-8/),
  });
  expect(executed).toEqual([]);
});

test('a JSON batch that is not UTF-8 is refused', async () => {
  const { url, executed } = await startRestApp();
  const body = Buffer.concat([Buffer.from('{"operations":['), broken, Buffer.from(']}')]);
  const answer = await fetch(`${url}/v1/batch`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ code: 'batch-malformed', detail: expect.stringMatching(/not UTF-8/) });
  expect(executed).toEqual([]);
});

test('a line of an import that is not UTF-8 is refused by its number, and the others are written', async () => {
  const { url } = await startRestApp();
  const refused: number[] = [];
  const importer = new Importer(new RestApi(url, 60_000), nothingYet, {
    onRefused: ({ line, code, detail }) => {
      refused.push(line);
      expect([code, detail]).toEqual(['batch-malformed', expect.stringMatching(/not UTF-8/)]);
    },
    onAcknowledged: () => {},
  });
  const lines = [
    Buffer.from('{"key":"a","value":"1"}\n'),
    Buffer.from('{"key":"b","value":"a\xffb"}\n', 'latin1'),
    Buffer.from('{"key":"c","value":"3"}\n'),
  ];
  for await (const line of linesOf(Readable.from(lines), { number: 0, endOffset: 0 })) await importer.add(line);
  expect([await importer.end(), refused]).toMatchObject([{ created: 2, refused: 1 }, [2]]);
  expect((await fetch(`${url}/v1/kv/b`)).status).toBe(404);
});

test('sixteen megabytes of blank lines cost a batch no more than a look at the first of them', () => {
  const body = Buffer.alloc(16 * 1024 * 1024, '\n');
  body.write('{"op":"get","key":"k"}', body.length / 2);
  const begun = process.cpuUsage();
  expect(() => batchOf(body, 'ndjson', { valueBytesMax: 1, name: undefined, isAtomic: false })).toThrow(/10000 lines/);
  // A string for each line took 1.5 s.
  const { user, system } = process.cpuUsage(begun);
  expect((user + system) / 1_000).toBeLessThan(500);
});
