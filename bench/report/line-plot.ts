/** Lines over a number, in panels side by side; whiskers show how far the trials lie apart. Pure. */

import type { Spread } from '../statistics.ts';
import { linearScale, logarithmicScale, type Scale } from './scale.ts';
import { element, faintInk, gridInk, image, label } from './svg.ts';

export type Line = {
  readonly title: string;
  readonly color: string;
  readonly points: readonly { readonly x: number; readonly y: Spread }[];
};

export type Panel = { readonly title: string; readonly lines: readonly Line[] };

export type LinePlot = {
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly xTitle: string;
  readonly yTitle: string;
  readonly xText: (x: number) => string;
  readonly yText: (y: number) => string;
  /** Written on the axis; those of the scale where not given. */
  readonly xTicks?: readonly number[];
  readonly xLogarithmic: boolean;
  readonly yLogarithmic: boolean;
};

const panelWidth = 380;
const panelHeight = 270;
const margin = { left: 68, right: 16, top: 62, bottom: 48 };
const legendLineHeight = 20;
const legendColumns = 2;

export function linePlot(plot: LinePlot): string {
  const titles = new Map(plot.panels.flatMap(({ lines }) => lines).map(({ title, color }) => [title, color]));
  const cellWidth = margin.left + panelWidth + margin.right;
  const legendTop = margin.top + panelHeight + margin.bottom + 8;
  const height = legendTop + Math.ceil(titles.size / legendColumns) * legendLineHeight + 8;
  const width = cellWidth * plot.panels.length;
  return image(
    width,
    height,
    plot.title,
    label(16, 24, plot.title, { 'font-size': 15, 'font-weight': 600 }),
    ...plot.panels.map((panel, index) => panelOf(plot, panel, index * cellWidth + margin.left)),
    ...[...titles].map(([title, color], index) => {
      const x = margin.left + (index % legendColumns) * Math.min(380, (width - margin.left) / legendColumns);
      const y = legendTop + Math.floor(index / legendColumns) * legendLineHeight;
      return (
        element('line', { x1: x, y1: y, x2: x + 22, y2: y, stroke: color, 'stroke-width': 3 }) +
        element('circle', { cx: x + 11, cy: y, r: 4, fill: color }) +
        label(x + 30, y + 4, title)
      );
    }),
  );
}

function panelOf(plot: LinePlot, { title, lines }: Panel, left: number): string {
  const bottom = margin.top + panelHeight;
  const points = lines.flatMap((line) => line.points);
  const xs = points.map(({ x }) => x);
  const highs = points.map(({ y }) => y.max);
  const lows = points.map(({ y }) => y.min).filter((low) => low > 0);
  const across = { from: left, to: left + panelWidth };
  const upward = { from: bottom, to: margin.top };
  const x = plot.xLogarithmic
    ? logarithmicScale(Math.min(...xs), Math.max(...xs), across)
    : linearScale(Math.max(...xs), across);
  const y = plot.yLogarithmic
    ? logarithmicScale(Math.min(...lows), Math.max(...highs), upward)
    : linearScale(Math.max(...highs), upward);
  return [
    label(left, margin.top - 12, title, { 'font-weight': 600 }),
    ...y.ticks.map(
      (tick) =>
        gridLine(y.of(tick), left) +
        label(left - 8, y.of(tick) + 4, plot.yText(tick), { 'text-anchor': 'end', fill: faintInk }),
    ),
    ...(plot.xTicks ?? x.ticks).map((tick) =>
      label(x.of(tick), bottom + 18, plot.xText(tick), { 'text-anchor': 'middle', fill: faintInk }),
    ),
    element('line', { x1: left, y1: bottom, x2: left + panelWidth, y2: bottom, stroke: faintInk }),
    label(left + panelWidth / 2, bottom + 38, plot.xTitle, { 'text-anchor': 'middle' }),
    label(0, 0, plot.yTitle, {
      'text-anchor': 'middle',
      transform: `translate(${left - 54} ${margin.top + panelHeight / 2}) rotate(-90)`,
    }),
    ...lines.map((line) => lineOf(line, x, y)),
  ].join('');
}

function gridLine(y: number, left: number): string {
  return element('line', { x1: left, y1: y, x2: left + panelWidth, y2: y, stroke: gridInk });
}

function lineOf({ color, points }: Line, x: Scale, y: Scale): string {
  const places = points.map((point) => ({ ...point, at: [x.of(point.x), y.of(point.y.median)] as const }));
  const path = places.map(({ at }) => at.map((place) => place.toFixed(1)).join(',')).join(' ');
  return [
    element('polyline', { points: path, fill: 'none', stroke: color, 'stroke-width': 2.5, 'stroke-linejoin': 'round' }),
    ...places.map(({ at: [cx, cy], y: spread }) =>
      [
        element('line', {
          x1: cx,
          x2: cx,
          y1: y.of(Math.max(spread.min, Number.MIN_VALUE)),
          y2: y.of(spread.max),
          stroke: color,
          'stroke-width': 1.5,
        }),
        element('circle', { cx, cy, r: 4, fill: color, stroke: '#ffffff', 'stroke-width': 1 }),
      ].join(''),
    ),
  ].join('');
}
