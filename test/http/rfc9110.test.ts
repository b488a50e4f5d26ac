/** Conditional requests and ranges, case by case, as RFC 9110 (sections 13 and 14) has them. */

import { Client } from 'undici';
import { expect, test } from 'vitest';
import { startRestApp } from '../support/rest-app.ts';

/** `E` is the ETag that the value has. */
type Case = readonly [method: string, headers: Record<string, string>, answer: number | string];

const present: readonly Case[] = [
  // 13.1.1 If-Match: strong comparison
  ['GET', { 'if-match': 'E' }, 200],
  ['GET', { 'if-match': '*' }, 200],
  ['GET', { 'if-match': '"0", E' }, 200],
  ['GET', { 'if-match': '"0" ,\tE,"x,y"' }, 200],
  ['GET', { 'if-match': ', "0",, E ,' }, 200],
  ['GET', { 'if-match': '"0"' }, 412],
  ['GET', { 'if-match': 'W/E' }, 412],
  ['GET', { 'if-match': '"other", W/E' }, 412],
  ['HEAD', { 'if-match': '"0"' }, 412],
  ['HEAD', { 'if-match': 'E' }, 200],
  ['PUT', { 'if-match': 'E' }, 204],
  ['PUT', { 'if-match': '*' }, 204],
  ['PUT', { 'if-match': 'W/E' }, 412],
  ['PUT', { 'if-match': '"0"' }, 412],
  ['DELETE', { 'if-match': 'E' }, 204],
  ['DELETE', { 'if-match': 'W/E' }, 412],
  ['DELETE', { 'if-match': '"0", "00"' }, 412],
  ['PATCH', { 'if-match': 'E' }, 204],
  ['PATCH', { 'if-match': 'W/E' }, 412],
  // 13.1.2 If-None-Match: weak comparison; 304 for reads, 412 for all else
  ['GET', { 'if-none-match': 'E' }, 304],
  ['GET', { 'if-none-match': 'W/E' }, 304],
  ['GET', { 'if-none-match': '*' }, 304],
  ['GET', { 'if-none-match': '"0", W/E' }, 304],
  ['GET', { 'if-none-match': '"0"' }, 200],
  ['GET', { 'if-none-match': 'W/"0", "x"' }, 200],
  ['HEAD', { 'if-none-match': 'E' }, 304],
  ['HEAD', { 'if-none-match': '"0"' }, 200],
  ['PUT', { 'if-none-match': '*' }, 412],
  ['PUT', { 'if-none-match': 'W/E' }, 412],
  ['PUT', { 'if-none-match': '"0"' }, 204],
  ['DELETE', { 'if-none-match': '*' }, 412],
  ['DELETE', { 'if-none-match': '"0"' }, 204],
  ['PATCH', { 'if-none-match': 'W/E' }, 412],
  // RFC 7240: the condition is that of the write, and no range is one of a PATCH
  ['PATCH', { prefer: 'return=representation', 'if-match': 'E', range: 'bytes=0-1' }, 200],
  ['PATCH', { prefer: 'return=representation', 'if-match': '"0"' }, 412],
  // 13.2.2 precedence: If-Match first, then If-None-Match, then Range
  ['GET', { 'if-match': '"0"', 'if-none-match': 'E' }, 412],
  ['GET', { 'if-match': 'E', 'if-none-match': 'E' }, 304],
  ['GET', { 'if-match': 'E', 'if-none-match': '"0"' }, 200],
  ['PUT', { 'if-match': 'E', 'if-none-match': 'E' }, 412],
  ['PUT', { 'if-match': 'E', 'if-none-match': '"0"' }, 204],
  ['GET', { 'if-none-match': 'E', range: 'bytes=0-1' }, 304],
  ['GET', { 'if-match': '"0"', range: 'bytes=0-1' }, 412],
  ['GET', { 'if-match': '"0"', range: 'bytes=99-' }, 412],
  // 13.1.3: without a Last-Modified these are ignored
  ['GET', { 'if-modified-since': 'Sat, 29 Oct 2044 19:43:31 GMT' }, 200],
  ['PUT', { 'if-unmodified-since': 'Sat, 29 Oct 1994 19:43:31 GMT' }, 204],
  // what is no list of entity tags
  ['GET', { 'if-match': 'unquoted' }, 400],
  ['GET', { 'if-none-match': 'w/E' }, 400],
  ['PUT', { 'if-match': '"open' }, 400],
  ['PUT', { 'if-none-match': '*, E' }, 400],
  ['DELETE', { 'if-match': '' }, 400],
  ['DELETE', { 'if-match': ', ,' }, 400],
  ['GET', { 'if-match': '"0" "1"' }, 400],
  // 14.1.2 byte ranges of "0123456789"
  ['GET', { range: 'bytes=0-0' }, '0'],
  ['GET', { range: 'bytes=2-4' }, '234'],
  ['GET', { range: 'bytes=2-' }, '23456789'],
  ['GET', { range: 'bytes=7-99' }, '789'],
  ['GET', { range: 'bytes=0-' }, '0123456789'],
  ['GET', { range: 'bytes=-3' }, '789'],
  ['GET', { range: 'bytes=-99' }, '0123456789'],
  ['GET', { range: 'BYTES=9-9' }, '9'],
  ['GET', { range: 'bytes=10-' }, 416],
  ['GET', { range: 'bytes=10-11' }, 416],
  ['GET', { range: 'bytes=-0' }, 416],
  ['GET', { range: 'bytes=99999999999999999999-' }, 416],
  // 14.2: a server may ignore what it does not serve
  ['GET', { range: 'bytes=4-2' }, 200],
  ['GET', { range: 'bytes=-' }, 200],
  ['GET', { range: 'bytes=a-b' }, 200],
  ['GET', { range: 'bytes 0-1' }, 200],
  ['GET', { range: 'lines=0-1' }, 200],
  ['GET', { range: 'bytes=0-1,3-4' }, 200],
  ['HEAD', { range: 'bytes=0-1' }, 200],
  ['PUT', { range: 'bytes=0-1' }, 204],
  // 13.1.5 If-Range: strong comparison, else the whole
  ['GET', { range: 'bytes=0-1', 'if-range': 'E' }, '01'],
  ['GET', { range: 'bytes=0-1', 'if-range': 'W/E' }, 200],
  ['GET', { range: 'bytes=0-1', 'if-range': '"0"' }, 200],
  ['GET', { range: 'bytes=99-', 'if-range': '"0"' }, 200],
  ['GET', { range: 'bytes=0-1', 'if-range': 'Sat, 29 Oct 2044 19:43:31 GMT' }, 200],
];

const absent: readonly Case[] = [
  ['GET', { 'if-match': '*' }, 404],
  ['GET', { 'if-none-match': '*' }, 404],
  ['HEAD', { 'if-none-match': '"1"' }, 404],
  ['PUT', { 'if-match': '*' }, 412],
  ['PUT', { 'if-match': '"1"' }, 412],
  ['PUT', { 'if-none-match': '*' }, 201],
  ['PUT', { 'if-none-match': '"1"' }, 201],
  ['DELETE', { 'if-match': '*' }, 412],
  ['DELETE', { 'if-none-match': '*' }, 204],
  ['PATCH', { 'if-match': '*' }, 412],
  ['PATCH', { 'if-none-match': '*' }, 404],
  ['PATCH', { prefer: 'return=representation' }, 404],
];

test('every case of the table is answered as the standard says', async () => {
  const { url } = await startRestApp();
  const client = new Client(url);
  let number = 0;
  const ask = async (method: string, path: string, headers: Record<string, string>) => {
    const body = method === 'PUT' ? 'something else' : null;
    const answer = await client.request({ method, path, headers, body });
    return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  };
  const check = async ([method, headers, expected]: Case, isPresent: boolean) => {
    const path = `/v1/kv/case-${number++}`;
    const what = [method, JSON.stringify(headers)];
    let etag = '""';
    if (isPresent) {
      const put = await client.request({
        method: 'PUT',
        path,
        body: '0123456789',
        headers: { 'content-type': 'text/x' },
      });
      etag = put.headers['etag'] as string;
    }
    const sent = Object.fromEntries(
      Object.entries(headers).map(([name, text]) => [name, name === 'range' ? text : text.replaceAll('E', etag)]),
    );
    const answer = await ask(method, method === 'PATCH' ? `${path}?ttl=60` : path, sent);
    const status = typeof expected === 'number' ? expected : 206;
    expect([...what, answer.status]).toEqual([...what, status]);

    const after = await ask('GET', path, {});
    const isWritten = status < 300 && (method === 'PUT' || method === 'DELETE');
    const wanted =
      method === 'PUT' && isWritten ? 'something else' : isWritten || !isPresent ? undefined : '0123456789';
    expect([...what, after.status === 200 ? after.text : undefined]).toEqual([...what, wanted]);
    if (typeof expected === 'string') {
      const first = '0123456789'.indexOf(expected);
      const last = first + expected.length - 1;
      expect([...what, answer.text, answer.headers['content-range'], answer.headers['content-length']]).toEqual([
        ...what,
        expected,
        `bytes ${first}-${last}/10`,
        String(expected.length),
      ]);
    }
    if (status === 200 && method === 'GET') expect([...what, answer.text]).toEqual([...what, '0123456789']);
    if (status === 416) expect([...what, answer.headers['content-range']]).toEqual([...what, 'bytes */10']);
    // A refusal tells which version there is; 304 has what a cache needs, and no body.
    if (method === 'PATCH' && status === 200) expect(answer.headers['etag']).toBe(after.headers['etag']);
    else if (isPresent && [200, 206, 304, 412].includes(status))
      expect([...what, answer.headers['etag']]).toEqual([...what, etag]);
    if (status === 304)
      expect([...what, answer.text, answer.headers['content-length']]).toEqual([...what, '', undefined]);
    if (method === 'HEAD') expect([...what, answer.text]).toEqual([...what, '']);
  };
  for (const one of present) await check(one, true);
  for (const one of absent) await check(one, false);
  await client.destroy();
});
