/** Where pages of keys begin and end, and how pages of several shards become one. */

import { describe, expect, test } from 'vitest';
import {
  bytesOf,
  commonPrefixOf,
  comparePositions,
  type ListEntry,
  type Listing,
  type ListPosition,
  listBytesMax,
  mergedListing,
  positionBefore,
  positionOf,
  rangeOf,
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

const rangeText = (query: Parameters<typeof rangeOf>[0]) => {
  const range = rangeOf(query);
  return range && [range.begin.toString('latin1'), range.end?.toString('latin1')];
};

describe('a page begins', () => {
  test.each<[string, string, ListPosition | undefined, [string, string | undefined] | undefined]>([
    ['at the prefix', 'b', undefined, ['b', 'c']],
    ['right after a key', 'b', afterKey('bc'), ['bc\0', 'c']],
    ['after all that begins so', 'b', afterPrefix('bc/'), ['bc0', 'c']],
    ['at the prefix, when the position comes before it', 'b', afterKey('a'), ['b', 'c']],
    ['nowhere, when the position is behind the prefix', 'b', afterKey('c'), undefined],
    ['nowhere, when the position ends where the prefix does', 'b', afterPrefix('b'), undefined],
    ['nowhere, when nothing can come', '', afterPrefix('\xff'), undefined],
    ['at the prefix, when the position ends where it begins', 'b', afterPrefix('a'), ['b', 'c']],
    ['after the last byte, when nothing ends', '', afterKey('\xff'), ['\xff\0', undefined]],
  ])('%s', (_what, prefixText, after, range) => {
    expect(rangeText({ prefix: bytes(prefixText), after, reverse: false })).toEqual(range);
  });
});

describe('a page from the last key on ends', () => {
  test.each<[string, string, ListPosition | undefined, [string, string | undefined] | undefined]>([
    ['at the end of the prefix', 'b', undefined, ['b', 'c']],
    ['at the last key of all', '', undefined, ['', undefined]],
    ['before a key', 'b', afterKey('bc'), ['b', 'bc']],
    ['before all that begins so', 'b', afterPrefix('bc/'), ['b', 'bc/']],
    ['at the end of the prefix, when the position is behind it', 'b', afterKey('d'), ['b', 'c']],
    ['nowhere, when the position is the prefix', 'b', afterKey('b'), undefined],
    ['nowhere, when the position comes before the prefix', 'b', afterPrefix('a'), undefined],
  ])('%s', (_what, prefixText, after, range) => {
    expect(rangeText({ prefix: bytes(prefixText), after, reverse: true })).toEqual(range);
  });
});

test.each(['a', 'a\0', '\0', '\x01', 'a\xff', '\xff\xff', 'ab'])(
  'what comes after the place before %j begins with that key, in either direction',
  (text) => {
    const up = { prefix: bytes(''), reverse: false };
    const begin = rangeOf({ ...up, after: positionBefore(bytes(text), up) })?.begin;
    expect(begin?.toString('latin1')).toBe(text);
    const down = { prefix: bytes(''), reverse: true };
    const end = rangeOf({ ...down, after: positionBefore(bytes(text), down) })?.end;
    expect(end?.toString('latin1')).toBe(`${text}\0`);
  },
);

test('the place before no bytes at all is the beginning', () => {
  expect(positionBefore(bytes(''), { reverse: false })).toBeUndefined();
  expect(rangeText({ prefix: bytes(''), reverse: true, after: positionBefore(bytes(''), { reverse: true }) })).toEqual([
    '',
    '\0',
  ]);
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
  expect(Math.sign(comparePositions(a, b, { reverse: false }))).toBe(order);
});

test.each<[ListPosition, ListPosition, number]>([
  [afterKey('b'), afterKey('a'), -1],
  [afterKey('a'), afterKey('b'), 1],
  [afterKey('a'), afterKey('a'), 0],
  [afterKey('a/b'), afterPrefix('a/'), -1],
  [afterKey('a0'), afterPrefix('a/'), -1],
  [afterPrefix('a/'), afterKey('a'), -1],
])('from the last key on, %o against %o: %d', (a, b, order) => {
  expect(Math.sign(comparePositions(a, b, { reverse: true }))).toBe(order);
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
      reverse: false,
    });
    expect(texts(page)).toEqual(['a', 'b', 'c', 'd']);
    expect(page.next).toBeUndefined();
    expect(lacking).toBeUndefined();
  });

  test('of no shards are empty', () => {
    expect(mergedListing([], { limit: 10, reverse: false })).toEqual({ page: part([]), lacking: undefined });
  });

  test('end with the limit, after the last entry, and nothing is lacking then', () => {
    const { page, lacking } = mergedListing([part([key('a'), key('c')]), part([key('b')])], {
      limit: 2,
      reverse: false,
    });
    expect(texts(page)).toEqual(['a', 'b']);
    expect(page.next).toEqual(afterKey('b'));
    expect(lacking).toBeUndefined();
  });

  test('that fill the limit exactly and have nothing more are complete', () => {
    const { page, lacking } = mergedListing([part([key('a')]), part([key('b')])], { limit: 2, reverse: false });
    expect(page.next).toBeUndefined();
    expect(lacking).toBeUndefined();
  });

  test('end where the first incomplete one ends, and say that it is lacking', () => {
    const short = part([key('a'), key('b')], afterKey('b'));
    const { page, lacking } = mergedListing([short, part([key('b0'), key('c')], afterKey('x'))], {
      limit: 10,
      reverse: false,
    });
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
      const { page, lacking } = mergedListing(parts, { limit: 10, reverse: false });
      expect([texts(page), page.next, lacking]).toEqual([['a', 'b'], afterKey('b'), near]);
    }
  });

  test('end before the very next key after what is known', () => {
    const { page } = mergedListing([part([key('a')], afterKey('a')), part([key('a\0')])], {
      limit: 10,
      reverse: false,
    });
    expect(texts(page)).toEqual(['a']);
  });

  test('that are incomplete and full lack nothing', () => {
    const { page, lacking } = mergedListing([part([key('a'), key('b')], afterKey('b'))], { limit: 2, reverse: false });
    expect(texts(page)).toEqual(['a', 'b']);
    expect(page.next).toEqual(afterKey('b'));
    expect(lacking).toBeUndefined();
  });

  test('name a common prefix once, whoever has keys of it', () => {
    const { page } = mergedListing([part([prefix('a/'), key('b')]), part([prefix('a/'), prefix('c/')])], {
      limit: 10,
      reverse: false,
    });
    expect(texts(page)).toEqual(['a/', 'b', 'c/']);
  });

  test('name a key beside a common prefix of the same bytes', () => {
    const { page } = mergedListing([part([key('a/')]), part([prefix('a/')])], { limit: 10, reverse: false });
    expect(page.entries.map(({ kind }) => kind).sort()).toEqual(['key', 'prefix']);
    const reversed = mergedListing([part([prefix('a/')]), part([key('a/')])], { limit: 10, reverse: false });
    expect(reversed.page.entries.map(({ kind }) => kind).sort()).toEqual(['key', 'prefix']);
  });

  test('leave out a common prefix that reaches beyond what is known', () => {
    const { page } = mergedListing([part([key('a')], afterKey('a')), part([prefix('a/')])], {
      limit: 10,
      reverse: false,
    });
    expect(texts(page)).toEqual(['a']);
  });

  test('keep a common prefix up to whose end everything is known', () => {
    const { page } = mergedListing([part([prefix('a/')], afterPrefix('a/')), part([prefix('a/')])], {
      limit: 10,
      reverse: false,
    });
    expect(texts(page)).toEqual(['a/']);
  });

  test.each([false, true])(
    'keep a common prefix of which not all is known, and go on behind it (reverse: %s)',
    (reverse) => {
      // Of the second part it may be that only keys before the place are left: nobody would tell of them again.
      const inMidst = [part([], afterKey('a/5')), part([prefix('a/')])];
      const { page, lacking } = mergedListing(inMidst, { limit: 10, reverse });
      expect([texts(page), page.next, lacking]).toEqual([['a/'], afterPrefix('a/'), inMidst[0]]);
    },
  );

  test('from the last key on become one, up to where all of them are known', () => {
    const parts = [part([key('d'), prefix('b/')], afterPrefix('b/')), part([key('c'), prefix('b/'), key('a')])];
    const { page, lacking } = mergedListing(parts, { limit: 10, reverse: true });
    expect([texts(page), page.next, lacking]).toEqual([['d', 'c', 'b/'], afterPrefix('b/'), parts[0]]);
    const full = mergedListing(parts, { limit: 2, reverse: true }).page;
    expect([texts(full), full.next]).toEqual([['d', 'c'], afterKey('c')]);
    const unknown = mergedListing([part([], afterKey('b/')), part([prefix('a/'), key('a')])], {
      limit: 9,
      reverse: true,
    });
    expect([texts(unknown.page), unknown.page.next]).toEqual([[], afterKey('b/')]);
  });

  test('when nothing can come after what is known, keep all', () => {
    const { page } = mergedListing([part([prefix('\xff')], afterPrefix('\xff')), part([key('\xff\xff')])], {
      limit: 10,
      reverse: false,
    });
    expect(texts(page)).toEqual(['\xff', '\xff\xff']);
  });

  test('have at most so many bytes of values, but always one entry', () => {
    const large = Buffer.alloc(listBytesMax);
    const half = Buffer.alloc(listBytesMax / 2);
    const alone = mergedListing([part([key('a', Buffer.alloc(listBytesMax + 1)), key('b')])], {
      limit: 10,
      reverse: false,
    });
    expect(texts(alone.page)).toEqual(['a']);
    expect(texts(mergedListing([part([key('a', half), key('b', half)])], { limit: 10, reverse: false }).page)).toEqual([
      'a',
      'b',
    ]);
    const cut = mergedListing([part([key('a', large), key('b', bytes('1')), key('c')])], { limit: 10, reverse: false });
    expect(texts(cut.page)).toEqual(['a']);
    expect(cut.page.next).toEqual(afterKey('a'));
  });
});
