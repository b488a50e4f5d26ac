/** Writes measures as Prometheus reads them. Alone imports prom-client, which whoever needs this file loads late. */

import { AggregatorRegistry } from 'prom-client';
import type { Measure } from './measure.ts';
import { metricNames, metricOf } from './metric-table.ts';

export type Exposition = { readonly contentType: string; readonly text: string };

type Value = { readonly value: number; readonly labels: Readonly<Record<string, string | number>> };
type NamedValue = Value & { readonly metricName?: string };

export async function expositionOf(measures: readonly Measure[]): Promise<Exposition> {
  const metrics = metricNames.flatMap((name) => {
    const values = measures.filter((measure) => measure.name === name).flatMap(valuesOf);
    const { type, help } = metricOf(name);
    return values.length === 0 ? [] : [{ name, type, help, aggregator: 'sum', values }];
  });
  const registry = AggregatorRegistry.aggregate([metrics]);
  return { contentType: registry.contentType, text: await registry.metrics() };
}

function valuesOf(measure: Measure): NamedValue[] {
  const { name, labels } = measure;
  if ('value' in measure) return [{ value: measure.value, labels }];
  const { counts, sum } = measure;
  const bounds: (number | string)[] = [...(metricOf(name).buckets?.bounds.map(({ le }) => le) ?? []), '+Inf'];
  return [
    ...bounds.map((le, index) => ({
      metricName: `${name}_bucket`,
      labels: { le, ...labels },
      value: counts[index] as number,
    })),
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: counts.at(-1) as number },
  ];
}
