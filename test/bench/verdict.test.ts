/** The chart that the README shows says what the reference run measured. */

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { svgOf } from '../../bench/report/chart.ts';
import { verdictChart } from '../../bench/report/verdict.ts';
import type { Results } from '../../bench/results.ts';

const reference = (file: string) => readFileSync(new URL(`../../bench/reference/${file}`, import.meta.url), 'utf8');
const textsIn = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);

test('the verdict of the reference report is drawn of its results', () => {
  const chart = verdictChart(JSON.parse(reference('results.json')) as Results);
  expect(chart).toBeDefined();
  const texts = textsIn(svgOf(chart as NonNullable<typeof chart>));
  expect(texts.length).toBeGreaterThan(15);
  expect(textsIn(reference('verdict.svg'))).toEqual(texts);
});
