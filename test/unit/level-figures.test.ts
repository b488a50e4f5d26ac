/** The soak's own judgement: what grows is found, and what only rises at first or varies is not. */

import { expect, test } from 'vitest';
import { Figures, verdictOn } from '../support/level-figures.ts';

const seriesOf = (value: (index: number) => number) => ({
  name: 'figure',
  values: Array.from({ length: 90 }, (_, index) => value(index)),
});

test('a figure that goes on growing is not level', () => {
  expect(
    verdictOn(
      seriesOf((index) => 100 + index),
      5,
    ),
  ).toMatchObject({ middle: 145, end: 175, isLevel: false });
});

test('a figure that rises at first and then varies is level', () => {
  const verdict = verdictOn(
    seriesOf((index) => Math.min(index, 20) * 10 + (index % 7)),
    5,
  );
  expect(verdict.isLevel).toBe(true);
});

test('a figure that is small may vary by its slack', () => {
  expect(
    verdictOn(
      seriesOf((index) => (index < 60 ? 0 : 4)),
      4,
    ).isLevel,
  ).toBe(true);
  expect(
    verdictOn(
      seriesOf((index) => (index < 60 ? 0 : 5)),
      4,
    ).isLevel,
  ).toBe(false);
});

test('what was seldom there is not judged', () => {
  const figures = new Figures();
  for (let times = 0; times < 10; times++) figures.note('often', times);
  figures.note('once', 1);
  expect(figures.series(10)).toEqual([{ name: 'often', values: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] }]);
});
