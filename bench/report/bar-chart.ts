/** Stacked bars, one a row, in panels side by side. Pure. */

import { sum } from '../statistics.ts';
import { type Chart, chartOf, headingHeight } from './chart.ts';

type Bar = {
  readonly title: string;
  /** By the title of the part. */
  readonly values: ReadonlyMap<string, number>;
};

export type BarPlot = {
  readonly title: string;
  readonly xTitle: string;
  /** From left to right. */
  readonly parts: readonly { readonly title: string; readonly color: string }[];
  readonly panels: readonly { readonly title: string; readonly bars: readonly Bar[] }[];
};

const titleWidth = 300;
const barsWidth = 270;
/** Behind the longest bar, for its sum. */
const valueWidth = 56;
const rowHeight = 26;
const top = headingHeight + 4;
const bottom = 50;

/** Rows are the same in every panel, so that their titles are written once. */
export function barChart({ title, xTitle, parts, panels }: BarPlot): Chart {
  const rows = [...new Set(panels.flatMap(({ bars }) => bars.map((bar) => bar.title)))];
  const lefts = panels.map((_, index) => titleWidth + index * (barsWidth + valueWidth));
  const height = rows.length * rowHeight;
  return chartOf(
    {
      ...{ title, width: titleWidth + panels.length * (barsWidth + valueWidth), height: top + height + bottom },
      panels: panels.map((panel, index) => ({ title: panel.title, left: lefts[index] as number, top })),
      legend: parts.map((part) => part.title),
    },
    {
      tooltip: { confine: true, trigger: 'axis', axisPointer: { type: 'shadow' } },
      grid: lefts.map((left) => ({ left, top, width: barsWidth, height })),
      xAxis: panels.map((_, gridIndex) => ({
        ...{ gridIndex, type: 'value', name: xTitle, nameLocation: 'middle', nameGap: 28, splitNumber: 4 },
      })),
      yAxis: panels.map((_, gridIndex) => ({
        ...{ gridIndex, type: 'category', data: rows, inverse: true, axisTick: { show: false } },
        axisLabel: gridIndex === 0 ? { fontSize: 12.5 } : { show: false },
      })),
      series: panels.flatMap(({ bars }, index) => [
        ...parts.map((part) => ({
          ...{
            type: 'bar' as const,
            name: part.title,
            color: part.color,
            stack: `panel ${index}`,
            barWidth: rowHeight - 9,
          },
          ...{ xAxisIndex: index, yAxisIndex: index },
          data: rows.map((row) => rounded(barOf(bars, row)?.values.get(part.title))),
        })),
        sums(bars, rows, index),
      ]),
    },
  );
}

/** Written behind each bar, by one of no length that ends its stack. */
function sums(bars: readonly Bar[], rows: readonly string[], index: number) {
  const totals = rows.map((row) => sumOf(barOf(bars, row)));
  return {
    ...{ type: 'bar' as const, stack: `panel ${index}`, silent: true, xAxisIndex: index, yAxisIndex: index },
    tooltip: { show: false },
    data: totals.map((total) => ({
      value: 0,
      label: { show: total !== undefined, position: 'right' as const, formatter: String(Math.round(total ?? 0)) },
    })),
  };
}

function sumOf(bar: Bar | undefined): number | undefined {
  return bar && sum([...bar.values.values()]);
}

function barOf(bars: readonly Bar[], row: string): Bar | undefined {
  return bars.find((bar) => bar.title === row);
}

/** More digits would mean nothing, and stand where somebody points. */
function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value * 10) / 10;
}
