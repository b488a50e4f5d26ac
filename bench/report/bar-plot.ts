/** Stacked bars, one a row, in panels side by side. Pure. */

import { linearScale } from './scale.ts';
import { element, faintInk, gridInk, image, label } from './svg.ts';

type Bar = {
  readonly title: string;
  /** From left to right. */
  readonly parts: readonly { readonly title: string; readonly color: string; readonly value: number }[];
};

type BarPanel = { readonly title: string; readonly bars: readonly Bar[] };

export type BarPlot = {
  readonly title: string;
  readonly xTitle: string;
  readonly panels: readonly BarPanel[];
  readonly valueText: (value: number) => string;
};

const titleWidth = 290;
const barsWidth = 260;
const valueWidth = 48;
const rowHeight = 26;
const top = 62;

/** Rows are the same in every panel, so that their titles are written once. */
export function barPlot({ title, xTitle, panels, valueText }: BarPlot): string {
  const rows = [...new Set(panels.flatMap(({ bars }) => bars.map((bar) => bar.title)))];
  const parts = new Map(
    panels.flatMap(({ bars }) => bars.flatMap((bar) => bar.parts.map((part) => [part.title, part.color] as const))),
  );
  const bottom = top + rows.length * rowHeight;
  const width = titleWidth + panels.length * (barsWidth + valueWidth + 12);
  const rowOf = (row: string) => top + rows.indexOf(row) * rowHeight;

  const panelOf = ({ title: panelTitle, bars }: BarPanel, index: number): string => {
    const left = titleWidth + index * (barsWidth + valueWidth + 12);
    const totals = bars.map((bar) => bar.parts.reduce((sum, { value }) => sum + value, 0));
    const x = linearScale(Math.max(...totals), { from: left, to: left + barsWidth });
    return [
      label(left, top - 12, panelTitle, { 'font-weight': 600 }),
      ...x.ticks.map(
        (tick) =>
          element('line', { x1: x.of(tick), y1: top, x2: x.of(tick), y2: bottom, stroke: gridInk }) +
          label(x.of(tick), bottom + 16, valueText(tick), { 'text-anchor': 'middle', fill: faintInk }),
      ),
      label(left + barsWidth / 2, bottom + 36, xTitle, { 'text-anchor': 'middle' }),
      ...bars.map((bar, at) => {
        let before = 0;
        const y = rowOf(bar.title);
        const stacked = bar.parts.map(({ color, value }) => {
          const from = x.of(before);
          before += value;
          return element('rect', { x: from, y: y + 5, width: x.of(before) - from, height: rowHeight - 9, fill: color });
        });
        return [...stacked, label(x.of(before) + 5, y + 18, valueText(totals[at] as number), { fill: faintInk })].join(
          '',
        );
      }),
    ].join('');
  };

  const legendY = bottom + 62;
  let legendX = titleWidth;
  const legend = [...parts].map(([partTitle, color]) => {
    const at = legendX;
    legendX += 34 + partTitle.length * 7.2;
    return (
      element('rect', { x: at, y: legendY - 10, width: 12, height: 12, fill: color }) +
      label(at + 18, legendY, partTitle)
    );
  });
  return image(
    Math.max(width, legendX),
    legendY + 18,
    title,
    label(16, 24, title, { 'font-size': 15, 'font-weight': 600 }),
    ...rows.map((row) => label(titleWidth - 10, rowOf(row) + 18, row, { 'text-anchor': 'end' })),
    ...panels.map(panelOf),
    ...legend,
  );
}
