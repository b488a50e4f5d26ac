/** Shapes stand between what other processes send and what the types claim: each accepts its own kind and no other. */

import { describe, expect, test } from 'vitest';
import {
  exactly,
  integer,
  listOf,
  number,
  objectOf,
  oneOf,
  parsed,
  type Shape,
  text,
  tupleOf,
} from '../../src/supervision/shape.ts';

const point = objectOf({ x: integer, label: oneOf(text, exactly(null)) });

describe.each<[name: string, shape: Shape<unknown>, right: unknown[], wrong: unknown[]]>([
  ['text', text, ['', 'a'], [1, null, undefined, ['a'], {}]],
  ['number', number, [0, -1.5, 1e300], ['1', Number.NaN, Number.POSITIVE_INFINITY, null, undefined, 1n, []]],
  ['integer', integer, [0, -7, Number.MAX_SAFE_INTEGER], [0.5, 2 ** 53, Number.NaN, '1', null, undefined, 1n]],
  ['exactly a text', exactly('drain'), ['drain'], ['Drain', '', null, undefined]],
  ['exactly null', exactly(null), [null], [undefined, 0, '', 'null']],
  ['one of two', oneOf(integer, exactly('all')), [3, 'all'], ['3', null, 0.5]],
  ['a list', listOf(integer), [[], [1, 2]], [[1, 'b'], [null], {}, 'ab', null, { length: 0 }]],
  ['a tuple', tupleOf(integer, text), [[1, 'a']], [[], [1], [1, 'a', 2], ['a', 1], null, { 0: 1, 1: 'a' }]],
  [
    'an object',
    point,
    [
      { x: 1, label: 'a' },
      { x: 1, label: null },
      { x: 1, label: null, further: true },
    ],
    [{}, { x: 1 }, { label: 'a' }, { x: '1', label: 'a' }, { x: 1, label: undefined }, null, undefined, 'x', 7],
  ],
  ['a list of objects', listOf(point), [[{ x: 1, label: null }]], [[{ x: 1, label: null }, {}], { x: 1, label: null }]],
])('the shape %s', (_name, shape, right, wrong) => {
  test.each(right.map((value) => [value]))('is that of %j', (value) => {
    expect(shape(value)).toBe(true);
  });

  test.each(wrong.map((value) => [value]))('is not that of %o', (value) => {
    expect(shape(value)).toBe(false);
  });
});

describe('a parsed value', () => {
  test('is the very value, when it has the shape', () => {
    const value = { x: 1, label: 'a' };
    expect(parsed(point, value, 'A point')).toBe(value);
  });

  test('is refused by a message that names what it should be and shows what it is', () => {
    expect(() => parsed(point, { x: 'one' }, 'A point')).toThrow(TypeError);
    expect(() => parsed(point, { x: 'one' }, 'A point')).toThrow('A point has an unexpected shape: {"x":"one"}');
  });

  test('is refused without flooding the log', () => {
    expect(() => parsed(point, 'a'.repeat(10_000), 'A point')).toThrow(/^.{0,250}$/);
  });

  test('is refused when it is not even JSON', () => {
    expect(() => parsed(point, undefined, 'A point')).toThrow(TypeError);
    expect(() => parsed(point, () => 1, 'A point')).toThrow(TypeError);
  });
});
