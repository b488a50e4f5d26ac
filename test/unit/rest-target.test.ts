/** Which service a command over REST asks, by its flags and the environment. */

import { expect, test } from 'vitest';
import { restTargetOf } from '../../src/cli/rest-target.ts';

const here = { SHARDLITE_DATA: '/srv/kv' };
const there = { ...here, SHARDLITE_URL: 'https://kv.example/' };

test.each([
  [{}, {}, { data: 'shards' }],
  [{}, here, { data: '/srv/kv' }],
  [{}, there, { url: 'https://kv.example' }],
  [{ data: 'mine' }, there, { data: 'mine' }],
  [{ url: 'http://10.0.0.2:7700' }, there, { url: 'http://10.0.0.2:7700' }],
  [{ url: 'http://10.0.0.2:7700/below/' }, {}, { url: 'http://10.0.0.2:7700/below' }],
])('flags %j with %j in the environment lead to %j', (flags, environment, at) => {
  expect(restTargetOf(flags, environment).at).toEqual(at);
});

test('the token comes from the flag, else from the environment, and is waited for as long as is said', () => {
  const environment = { SHARDLITE_TOKEN: 'usual' };
  expect(restTargetOf({}, environment)).toMatchObject({ token: 'usual', isTokenFromEnvironment: true });
  expect(restTargetOf({ token: 'given' }, environment)).toMatchObject({
    token: 'given',
    isTokenFromEnvironment: false,
  });
  expect(restTargetOf({}, {})).toMatchObject({ token: undefined, isTokenFromEnvironment: false, deadlineMs: 30_000 });
  expect(restTargetOf({ timeout: '5s' }, {}).deadlineMs).toBe(5_000);
});

test.each([
  [{ data: 'mine', url: 'http://a' }, 'Use --data for a service on this machine, or --url for any other, not both.'],
  [{ url: '10.0.0.2:7700' }, '--url is not the address of a service'],
  [{ url: 'redis://10.0.0.2' }, '--url is not the address of a service'],
  [{ url: 'http://me:secret@10.0.0.2' }, '--url is not the address of a service'],
  [{ token: 'zwei wörter' }, 'The token has characters that no token can have'],
  [{ timeout: '5' }, '--timeout is "5", but must be a number above 0 with s, m, h or d'],
  [{ timeout: '0s' }, '--timeout is "0s", but must be'],
])('%j is refused in a sentence that shows no secret', (flags, sentence) => {
  expect(() => restTargetOf(flags, {})).toThrow(sentence);
  expect(() => restTargetOf(flags, {})).not.toThrow(/secret|zwei/);
});
