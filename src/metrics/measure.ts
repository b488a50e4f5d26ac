/** What one process says of one metric right now. Plain objects: they travel from children to the primary. Pure. */

import type { LogHistogram } from './log-histogram.ts';
import { type MetricName, metricOf } from './metric-table.ts';

export type Labels = Readonly<Record<string, string>>;

export type Amount = { readonly name: MetricName; readonly labels: Labels; readonly value: number };

export type Distribution = {
  readonly name: MetricName;
  readonly labels: Labels;
  /** Up to each bound of the metric, and at last of all. */
  readonly counts: readonly number[];
  /** In the metric's unit. */
  readonly sum: number;
};

export type Measure = Amount | Distribution;

export function amount(name: MetricName, value: number, labels: Labels = {}): Amount {
  return { name, labels, value };
}

/** Of what is unknown, nothing is said. */
export function amountIfKnown(name: MetricName, value: number | null | undefined, labels: Labels = {}): Amount[] {
  return value === null || value === undefined ? [] : [amount(name, value, labels)];
}

/** @param histogram counts in microseconds where the metric is in seconds */
export function distribution(name: MetricName, histogram: LogHistogram, labels: Labels = {}): Distribution {
  const { buckets } = metricOf(name);
  if (buckets === undefined) throw new TypeError(`${name} is no histogram`);
  const counts = histogram.below(buckets.bounds.map(({ below }) => below));
  return { name, labels, counts: [...counts, histogram.total], sum: histogram.sum * buckets.unit };
}

export function labelled(measures: readonly Measure[], labels: Labels): Measure[] {
  return measures.map((measure) => ({ ...measure, labels: { ...labels, ...measure.labels } }));
}
