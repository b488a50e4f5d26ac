/** Where pages of keys begin and end, and how pages of several shards become one. */

import { describe, expect, test } from 'vitest';
import {
  beginOf,
  bytesOf,
  commonPrefixOf,
  comparePositions,
  type ListEntry,
  type Listing,
  type ListPosition,
  listBytesMax,
  mergedListing,
  positionOf,
  successorOf,
} from '../../src/kv/listing.ts';
import { listQuery } from '../support/operations.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const afterKey = (text: string): ListPosition => ({ kind: 'key', bytes: bytes(text) });
const afterPrefix = (text: string): ListPosition => ({ kind: 'prefix', bytes: bytes(text) });
const key = (text: string, value?: Buffer): ListEntry => ({
  kind: 'key',
  key: bytes(text),
  version: 1,
  contentType: '',
  valueBytes: value?.length ?? 0,
  ...(value && { value }),
});
const prefix = (text: string): ListEntry => ({ kind: 'prefix', key: bytes(text) });
const part = (entries: ListEntry[], next?: ListPosition): Listing => ({ kind: 'listing', entries, next });
const texts = ({ entries }: Listing) => entries.map((entry) => entry.key.toString('latin1'));

test.each([
  ['a', 'b'],
  ['a\xff', 'b'],
  ['a\xff\xff', 'b'],
  ['ab', 'ac'],
  ['\xff\xfe', '\xff\xff'],
  ['\xfe', '\xff'],
])('what begins with %j ends before %j', (text, end) => {
  const given = bytes(text);
  expect(successorOf(given)?.toString('latin1')).toBe(end);
  expect(given.toString('latin1')).toBe(text);
});

test.each(['', '\xff', '\xff\xff'])('nothing comes after all that begins with %j', (text) => {
  expect(successorOf(bytes(text))).toBeUndefined();
});

describe('a page begins', () => {
  test.each<[string, string, ListPosition | undefined, string | undefined]>([
    ['at the prefix', 'b', undefined, 'b'],
    ['right after a key', 'b', afterKey('bc'), 'bc\0'],
    ['after all that begins so', 'b', afterPrefix('bc/'), 'bc0'],
    ['at the prefix, when the position comes before it', 'b', afterKey('a'), 'b'],
    ['behind the prefix, when the position does', 'b', afterKey('c'), 'c\0'],
    ['nowhere, when nothing can come', '', afterPrefix('\xff'), undefined],
    ['at the prefix, when the position ends where it begins', 'b', afterPrefix('a'), 'b'],
  ])('%s', (_what, prefixText, after, begin) => {
    expect(beginOf({ prefix: bytes(prefixText), after })?.toString('latin1')).toBe(begin);
  });
});

test.each<[string, string, string | undefined, string | undefined]>([
  ['a/b/c', '', '/', 'a/'],
  ['a/b/c', 'a/', '/', 'a/b/'],
  ['a/b/c', 'a/b/', '/', undefined],
  ['a--b', '', '--', 'a--'],
  ['a/b', '', undefined, undefined],
  ['/a', '', '/', '/'],
])('%j after %j is listed, by %j, under %j', (text, prefixText, delimiter, common) => {
  const query = listQuery({ prefix: prefixText, ...(delimiter !== undefined && { delimiter }) });
  expect(commonPrefixOf(bytes(text), query)?.toString('latin1')).toBe(common);
});

test.each<[ListPosition, ListPosition, number]>([
  [afterKey('a'), afterKey('b'), -1],
  [afterKey('b'), afterKey('a'), 1],
  [afterKey('a'), afterKey('a'), 0],
  [afterKey('a/z'), afterPrefix('a/'), -1],
  [afterPrefix('a/'), afterKey('a0'), -1],
  [afterPrefix('\xff'), afterKey('\xff\xff'), 1],
  [afterKey('\xff'), afterPrefix('\xff'), -1],
  [afterPrefix('\xff'), afterPrefix('\xff\xff'), 0],
])('%o against %o: %d', (a, b, order) => {
  expect(Math.sign(comparePositions(a, b))).toBe(order);
});

test('an entry ends where its key does, or all that begins so', () => {
  expect(positionOf(key('a'))).toEqual(afterKey('a'));
  expect(positionOf(prefix('a/'))).toEqual(afterPrefix('a/'));
});

test('an entry counts with the value that was asked for, and with nothing else', () => {
  expect(bytesOf(key('a', bytes('four')))).toBe(4);
  expect(bytesOf(key('a'))).toBe(0);
  expect(bytesOf(prefix('a/'))).toBe(0);
});

describe('pages of several shards', () => {
  test('become one in the order of their keys', () => {
    const { page, lacking } = mergedListing([part([key('b'), key('d')]), part([key('a'), key('c')]), part([])], {
      limit: 10,
    });
    expect(texts(page)).toEqual(['a', 'b', 'c', 'd']);
    expect(page.next).toBeUndefined();
    expect(lacking).toBeUndefined();
  });

  test('of no shards are empty', () => {
    expect(mergedListing([], { limit: 10 })).toEqual({ page: part([]), lacking: undefined });
  });

  test('end with the limit, after the last entry, and nothing is lacking then', () => {
    const { page, lacking } = mergedListing([part([key('a'), key('c')]), part([key('b')])], { limit: 2 });
    expect(texts(page)).toEqual(['a', 'b']);
    expect(page.next).toEqual(afterKey('b'));
    expect(lacking).toBeUndefined();
  });

  test('that fill the limit exactly and have nothing more are complete', () => {
    const { page, lacking } = mergedListing([part([key('a')]), part([key('b')])], { limit: 2 });
    expect(page.next).toBeUndefined();
    expect(lacking).toBeUndefined();
  });

  test('end where the first incomplete one ends, and say that it is lacking', () => {
    const short = part([key('a'), key('b')], afterKey('b'));
    const { page, lacking } = mergedListing([short, part([key('b0'), key('c')], afterKey('x'))], { limit: 10 });
    expect(texts(page)).toEqual(['a', 'b']);
    expect(page.next).toEqual(afterKey('b'));
    expect(lacking).toBe(short);
  });

  test('that are incomplete end where the least of them ends', () => {
    const [far, near] = [part([key('a'), key('c')], afterKey('c')), part([key('b')], afterKey('b'))];
    for (const parts of [
      [far, near],
      [near, far],
    ]) {
      const { page, lacking } = mergedListing(parts, { limit: 10 });
      expect([texts(page), page.next, lacking]).toEqual([['a', 'b'], afterKey('b'), near]);
    }
  });

  test('end before the very next key after what is known', () => {
    const { page } = mergedListing([part([key('a')], afterKey('a')), part([key('a\0')])], { limit: 10 });
    expect(texts(page)).toEqual(['a']);
    const none = mergedListing([part([], afterKey('a/5')), part([prefix('a/')])], { limit: 10 });
    expect(texts(none.page)).toEqual([]);
  });

  test('that are incomplete and full lack nothing', () => {
    const { page, lacking } = mergedListing([part([key('a'), key('b')], afterKey('b'))], { limit: 2 });
    expect(texts(page)).toEqual(['a', 'b']);
    expect(page.next).toEqual(afterKey('b'));
    expect(lacking).toBeUndefined();
  });

  test('name a common prefix once, whoever has keys of it', () => {
    const { page } = mergedListing([part([prefix('a/'), key('b')]), part([prefix('a/'), prefix('c/')])], { limit: 10 });
    expect(texts(page)).toEqual(['a/', 'b', 'c/']);
  });

  test('name a key beside a common prefix of the same bytes', () => {
    const { page } = mergedListing([part([key('a/')]), part([prefix('a/')])], { limit: 10 });
    expect(page.entries.map(({ kind }) => kind).sort()).toEqual(['key', 'prefix']);
    const reversed = mergedListing([part([prefix('a/')]), part([key('a/')])], { limit: 10 });
    expect(reversed.page.entries.map(({ kind }) => kind).sort()).toEqual(['key', 'prefix']);
  });

  test('leave out a common prefix that reaches beyond what is known', () => {
    const { page } = mergedListing([part([key('a')], afterKey('a')), part([prefix('a/')])], { limit: 10 });
    expect(texts(page)).toEqual(['a']);
  });

  test('keep a common prefix up to whose end everything is known', () => {
    const { page } = mergedListing([part([prefix('a/')], afterPrefix('a/')), part([prefix('a/')])], { limit: 10 });
    expect(texts(page)).toEqual(['a/']);
  });

  test('when nothing can come after what is known, keep all', () => {
    const { page } = mergedListing([part([prefix('\xff')], afterPrefix('\xff')), part([key('\xff\xff')])], {
      limit: 10,
    });
    expect(texts(page)).toEqual(['\xff', '\xff\xff']);
  });

  test('have at most so many bytes of values, but always one entry', () => {
    const large = Buffer.alloc(listBytesMax);
    const half = Buffer.alloc(listBytesMax / 2);
    const alone = mergedListing([part([key('a', Buffer.alloc(listBytesMax + 1)), key('b')])], { limit: 10 });
    expect(texts(alone.page)).toEqual(['a']);
    expect(texts(mergedListing([part([key('a', half), key('b', half)])], { limit: 10 }).page)).toEqual(['a', 'b']);
    const cut = mergedListing([part([key('a', large), key('b', bytes('1')), key('c')])], { limit: 10 });
    expect(texts(cut.page)).toEqual(['a']);
    expect(cut.page.next).toEqual(afterKey('a'));
  });
});
