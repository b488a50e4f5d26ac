/** Lines over a number, in panels side by side; whiskers show how far the trials lie apart. Pure. */

import type { Spread } from '../statistics.ts';
import { type Chart, chartOf, headingHeight } from './chart.ts';

export type Line = {
  readonly title: string;
  readonly color: string;
  /** With what is said of each when it is pointed at. */
  readonly points: readonly { readonly x: number; readonly y: Spread; readonly text: string }[];
};

export type LinePanel = { readonly title: string; readonly lines: readonly Line[] };

export type LinePlot = {
  readonly title: string;
  readonly panels: readonly LinePanel[];
  readonly xTitle: string;
  readonly yTitle: string;
  /** Axes of powers of two. */
  readonly xLogarithmic: boolean;
  readonly yLogarithmic: boolean;
};

/** All of them together as wide as the report's page at most. */
const panelsWidth = 900;
const panelWidthMax = 350;
const panelHeight = 270;
const margin = { left: 78, right: 18, top: headingHeight + 8, bottom: 56 };

export function lineChart({ title, panels, xTitle, yTitle, xLogarithmic, yLogarithmic }: LinePlot): Chart {
  const panelWidth = Math.min(panelWidthMax, panelsWidth / panels.length);
  const cellWidth = margin.left + panelWidth + margin.right;
  const lefts = panels.map((_, index) => index * cellWidth + margin.left);
  return chartOf(
    {
      ...{ title, width: cellWidth * panels.length, height: margin.top + panelHeight + margin.bottom },
      panels: panels.map((panel, index) => ({ title: panel.title, left: lefts[index] as number, top: margin.top })),
      legend: [...new Set(panels.flatMap(({ lines }) => lines.map((line) => line.title)))],
    },
    {
      grid: lefts.map((left) => ({ left, top: margin.top, width: panelWidth, height: panelHeight })),
      xAxis: panels.map((_, gridIndex) => ({
        gridIndex,
        ...axisOf(xLogarithmic),
        ...{ name: xTitle, nameLocation: 'middle' as const, nameGap: 30, splitLine: { show: false } },
      })),
      yAxis: panels.map((_, gridIndex) => ({
        gridIndex,
        ...axisOf(yLogarithmic),
        ...{ name: yTitle, nameLocation: 'middle' as const, nameGap: 54 },
      })),
      series: panels.flatMap(({ lines }, index) => lines.flatMap((line) => seriesOf(line, index))),
    },
  );
}

function axisOf(isLogarithmic: boolean) {
  return isLogarithmic ? { type: 'log' as const, logBase: 2 } : { type: 'value' as const };
}

/** The whiskers are a line with gaps: of one name with theirs, they come and go together. */
function seriesOf({ title, color, points }: Line, index: number) {
  const common = { type: 'line' as const, name: title, color, xAxisIndex: index, yAxisIndex: index };
  return [
    {
      ...common,
      ...{ symbol: 'circle', symbolSize: 8, lineStyle: { width: 2.5 } },
      tooltip: { formatter: '{b}' },
      data: points.map(({ x, y, text }) => ({ name: `${title}: ${text}`, value: [x, y.median] })),
    },
    {
      ...common,
      ...{ symbol: 'none', silent: true, lineStyle: { width: 1.5 } },
      data: points.flatMap(({ x, y }) => [
        [x, y.min],
        [x, y.max],
        [x, '-'],
      ]),
    },
  ];
}
