/** What `--curl` prints is read by a shell as it was meant. */

import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { curlText, shellWord } from '../../src/cli/curl-text.ts';

const anyText = fc.string({ unit: fc.constantFrom(...'\'"$`\\ \n*?[]{}~#&;|<>()!=-@a0é🦊') });

test('a shell reads every word as it was', () => {
  fc.assert(
    fc.property(fc.array(anyText, { minLength: 1, maxLength: 20 }), (words) => {
      const script = `printf '%s\\0' ${words.map(shellWord).join(' ')}`;
      const read = execFileSync('/bin/sh', ['-c', script]).toString().split('\0').slice(0, -1);
      expect(read).toEqual(words);
    }),
    { numRuns: 30 },
  );
});

test('a command has method, address, headers and body, and leaves out the name of the write', () => {
  const headers = new Headers({ 'content-type': 'text/plain', 'idempotency-key': '1' });
  const request = { method: 'PUT', url: 'http://a:1/v1/kv/it%27s?ttl=5', headers, tokenVariable: undefined };
  expect(curlText({ ...request, body: ['--data-raw', "it's"] })).toBe(
    `curl -X PUT 'http://a:1/v1/kv/it%27s?ttl=5' -H 'content-type: text/plain' --data-raw 'it'\\''s'`,
  );
});

test('a token out of a variable is not shown, one that was given is', () => {
  const headers = new Headers({ authorization: 'Bearer secret' });
  const request = { method: 'GET', url: 'http://a:1/v1/kv', headers, body: [] };
  expect(curlText({ ...request, tokenVariable: 'SHARDLITE_TOKEN' })).toBe(
    'curl http://a:1/v1/kv -H "authorization: Bearer $SHARDLITE_TOKEN"',
  );
  expect(curlText({ ...request, tokenVariable: undefined })).toBe(
    "curl http://a:1/v1/kv -H 'authorization: Bearer secret'",
  );
});
