import { expect, test } from 'vitest';
import { redisAddressOf, redisAddressText } from '../../src/config/redis-address.ts';

const anonymous = { username: null, password: null };

test.each([
  ['redis://10.0.0.1', { nodes: [{ host: '10.0.0.1', port: 6_379 }], ...anonymous }],
  ['redis://db.example:7000/', { nodes: [{ host: 'db.example', port: 7_000 }], ...anonymous }],
  ['redis://[::1]:7000', { nodes: [{ host: '::1', port: 7_000 }], ...anonymous }],
  [
    'redis://a:7000,b,c:7002',
    {
      nodes: [
        { host: 'a', port: 7_000 },
        { host: 'b', port: 6_379 },
        { host: 'c', port: 7_002 },
      ],
      ...anonymous,
    },
  ],
  ['redis://ada:p%40ss%3A@db', { nodes: [{ host: 'db', port: 6_379 }], username: 'ada', password: 'p@ss:' }],
  ['redis://:secret@db', { nodes: [{ host: 'db', port: 6_379 }], username: null, password: 'secret' }],
])('%s is understood', (text, address) => {
  expect(redisAddressOf(text)).toEqual(address);
});

test.each([
  '',
  'redis',
  'redis://',
  'http://db',
  'redis://db:0',
  'redis://db:65536',
  'redis://db:port',
  'redis://a,,b',
  'redis://a b',
  'redis://db/0',
  'redis://:%zz@db',
])('%j is not', (text) => {
  expect(redisAddressOf(text)).toBeUndefined();
});

test('what is shown of an address leaves the password out', () => {
  const address = redisAddressOf('redis://ada:secret@[::1]:7000,db');
  expect(address && redisAddressText(address)).toBe('redis://[::1]:7000,db:6379');
});
