/** Which strategy wins at each place of a grid, and by how much: panels of coloured squares. Pure. */

import { type Chart, chartOf, headingHeight } from './chart.ts';

export type Square = {
  readonly winner: string;
  readonly color: string;
  /** What is written into it, in two lines. */
  readonly text: readonly [string, string];
  /** 0 to 1: a narrow win is paler. */
  readonly strength: number;
  /** What is said of it when it is pointed at, line by line. */
  readonly ranking: readonly string[];
};

export type WinnerMap = {
  readonly title: string;
  readonly note: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly columnsTitle: string;
  /** Squares by row, then by column; null where nothing was measured. */
  readonly panels: readonly { readonly title: string; readonly squares: readonly (readonly (Square | null)[])[] }[];
};

const rowTitleWidth = 96;
const squareWidth = 76;
const squareHeight = 46;
const top = headingHeight + 24;
const bottom = 50;
const gap = 26;

export function winnerMap({ title, note, rows, columns, columnsTitle, panels }: WinnerMap): Chart {
  const [panelWidth, panelHeight] = [columns.length * squareWidth, rows.length * squareHeight];
  const lefts = panels.map((_, index) => rowTitleWidth + index * (panelWidth + gap));
  const squares = panels.flatMap((panel) => panel.squares.flat()).filter((square) => square !== null);
  const colors = new Map(squares.map(({ winner, color }) => [winner, color]));
  const bare = { axisTick: { show: false }, axisLine: { show: false }, splitLine: { show: false } };
  return chartOf(
    {
      ...{ title, note, width: rowTitleWidth + panels.length * (panelWidth + gap), height: top + panelHeight + bottom },
      panels: panels.map((panel, index) => ({ title: panel.title, left: lefts[index] as number, top })),
      legend: [...colors.keys()],
    },
    {
      grid: lefts.map((left) => ({ left, top, width: panelWidth, height: panelHeight })),
      xAxis: panels.map((_, gridIndex) => ({
        ...{ gridIndex, type: 'category', data: [...columns], ...bare },
        ...{ name: columnsTitle, nameLocation: 'middle', nameGap: 26 },
      })),
      yAxis: panels.map((_, gridIndex) => ({
        ...{ gridIndex, type: 'category', data: [...rows], inverse: true, ...bare },
        axisLabel: { show: gridIndex === 0 },
      })),
      series: panels.flatMap((panel, index) =>
        [...colors].map(([winner, color]) => ({
          ...{ type: 'scatter' as const, name: winner, color, xAxisIndex: index, yAxisIndex: index },
          ...{ symbol: 'rect', symbolSize: [squareWidth - 3, squareHeight - 3], tooltip: { formatter: '{b}' } },
          data: panel.squares.flatMap((row, y) =>
            row.flatMap((square, x) => (square?.winner === winner ? [itemOf(square, [x, y])] : [])),
          ),
        })),
      ),
    },
  );
}

function itemOf({ text, color, strength, ranking }: Square, value: [number, number]) {
  const ink = strength > 0.6 ? '#ffffff' : '#1f2933';
  return {
    ...{ value, name: ranking.join('\n') },
    itemStyle: { color: paler(color, 0.3 + 0.7 * strength), opacity: 1 },
    label: {
      ...{ show: true, formatter: `{winner|${text[0]}}\n${text[1]}`, color: ink, fontSize: 11, lineHeight: 16 },
      rich: { winner: { color: ink, fontSize: 12, fontWeight: 600 as const, lineHeight: 16 } },
    },
  };
}

/** Mixed with white, since what is written in it is written for a light ground. @param share of the colour, 0 to 1 */
function paler(color: string, share: number): string {
  const mixed = [1, 3, 5].map((at) =>
    Math.round(Number.parseInt(color.slice(at, at + 2), 16) * share + 255 * (1 - share)),
  );
  return `#${mixed.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}
