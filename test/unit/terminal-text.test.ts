/** What shardctl prints: tables whose columns line up, and quantities that say what they are at a glance. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesText, countText, durationText, latencyText } from '../../src/cli/quantity.ts';
import { type Column, tableOf } from '../../src/cli/table.ts';

type Shard = { readonly name: string; readonly keys: number };
const columns: readonly Column<Shard>[] = [
  { title: 'SHARD', align: 'left', cell: ({ name }) => name },
  { title: 'KEYS', align: 'right', cell: ({ keys }) => countText(keys) },
  { title: 'NOTE', align: 'left', cell: ({ keys }) => (keys === 0 ? 'empty' : '') },
];

describe('a table', () => {
  test('has columns as wide as their widest cell, two spaces apart, and no spaces at the end', () => {
    const rows = [
      { name: 'shard-1', keys: 1_234_567 },
      { name: 's2', keys: 0 },
    ];
    expect(tableOf(columns, rows).split('\n')).toEqual([
      'SHARD         KEYS  NOTE', // as wide as the longest cell below
      'shard-1  1,234,567',
      's2               0  empty',
    ]);
  });

  test('without rows is its titles', () => {
    expect(tableOf(columns, [])).toBe('SHARD  KEYS  NOTE');
  });

  test('has each cell of a column end, or begin, at one place', () => {
    const names = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 });
    const sides: readonly Column<string>[] = [
      { title: 'L', align: 'left', cell: (name) => name },
      { title: 'R', align: 'right', cell: (name) => name },
    ];
    fc.assert(
      fc.property(names, (rows) => {
        const widest = Math.max(...rows.map(({ length }) => length));
        const [title, ...lines] = tableOf(sides, rows).split('\n');
        expect(title).toBe(`L${' '.repeat(2 * widest)}R`);
        expect(lines).toEqual(rows.map((row) => `${row.padEnd(widest)}  ${row.padStart(widest)}`));
      }),
    );
  });
});

test.each([
  [0, '0'],
  [999, '999'],
  [1_234_567, '1,234,567'],
])('%d keys read as %s', (count, text) => {
  expect(countText(count)).toBe(text);
});

describe('bytes', () => {
  test.each([
    [0, '0 B'],
    [1, '1 B'],
    [1_023, '1023 B'],
    [1_024, '1.0 KiB'],
    [1_536, '1.5 KiB'],
    [150 * 1024, '150 KiB'],
    [1024 ** 2, '1.0 MiB'],
    [1.25 * 1024 ** 3, '1.3 GiB'],
    [2 * 1024 ** 4, '2.0 TiB'],
    [5_000 * 1024 ** 4, '5000 TiB'],
  ])('%d read as %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });

  test.each([
    [1024 ** 2 - 1, '1.0 MiB'],
    [1024 ** 3 - 1, '1.0 GiB'],
    [1024 ** 4 - 1, '1.0 TiB'],
  ])('%d, rounded up to the next unit, read as %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });
});

test.each([
  [0, '0.0 ms'],
  [0.004, '0.00 ms'],
  [0.05, '0.05 ms'],
  [0.123, '0.12 ms'],
  [3.84, '3.8 ms'],
  [9.96, '10 ms'],
  [27.4, '27 ms'],
  [138.2, '138 ms'],
  [1_402, '1,402 ms'],
])('a latency of %d ms reads as %s', (latencyMs, text) => {
  expect(latencyText(latencyMs)).toBe(text);
});

describe('a duration', () => {
  test.each([
    [-3, '0.0s'],
    [0, '0.0s'],
    [50, '0.1s'],
    [2_340, '2.3s'],
    [10_000, '10s'],
    [59_999, '59s'],
    [60_000, '1m 0s'],
    [125_000, '2m 5s'],
    [3_599_999, '59m 59s'],
    [3_600_000, '1h 0m'],
    [3_600_000 + 59_000, '1h 0m'],
    [7_500_000, '2h 5m'],
    [86_399_999, '23h 59m'],
    [86_400_000, '1d 0h'],
    [93_784_000, '1d 2h'],
    [400 * 86_400_000, '400d 0h'],
  ])('of %d ms reads as its largest unit and the next: %s', (durationMs, text) => {
    expect(durationText(durationMs)).toBe(text);
  });
});
