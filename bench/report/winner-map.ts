/** Which strategy wins at each place of a grid, and by how much: panels of coloured squares. Pure. */

import { element, faintInk, image, label } from './svg.ts';

export type Square = {
  /** What is written into it, in two lines. */
  readonly text: readonly [string, string];
  readonly color: string;
  /** 0 to 1: a narrow win is paler. */
  readonly strength: number;
};

type WinnerPanel = {
  readonly title: string;
  /** By row, then by column; null where nothing was measured. */
  readonly squares: readonly (readonly (Square | null)[])[];
};

export type WinnerMap = {
  readonly title: string;
  readonly note: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  readonly columnsTitle: string;
  readonly panels: readonly WinnerPanel[];
  readonly legend: readonly { readonly title: string; readonly color: string }[];
};

const rowTitleWidth = 92;
const squareWidth = 74;
const squareHeight = 44;
const top = 84;
const gap = 26;

export function winnerMap({ title, note, rows, columns, columnsTitle, panels, legend }: WinnerMap): string {
  const panelWidth = columns.length * squareWidth;
  const bottom = top + rows.length * squareHeight;
  const legendTop = bottom + 66;
  const width = rowTitleWidth + panels.length * (panelWidth + gap);
  return image(
    width,
    legendTop + legend.length * 20,
    title,
    label(16, 24, title, { 'font-size': 15, 'font-weight': 600 }),
    label(16, 44, note, { fill: faintInk }),
    ...rows.map((row, index) =>
      label(rowTitleWidth - 10, top + index * squareHeight + 27, row, { 'text-anchor': 'end' }),
    ),
    ...panels.map((panel, index) => {
      const left = rowTitleWidth + index * (panelWidth + gap);
      return [
        label(left, top - 12, panel.title, { 'font-weight': 600 }),
        ...columns.map((column, at) =>
          label(left + (at + 0.5) * squareWidth, bottom + 18, column, { 'text-anchor': 'middle' }),
        ),
        label(left + panelWidth / 2, bottom + 38, columnsTitle, { 'text-anchor': 'middle', fill: faintInk }),
        ...panel.squares.flatMap((row, y) =>
          row.map((square, x) =>
            square === null ? '' : squareOf(square, left + x * squareWidth, top + y * squareHeight),
          ),
        ),
      ].join('');
    }),
    ...legend.map(
      ({ title: name, color }, index) =>
        element('rect', { x: rowTitleWidth, y: legendTop + index * 20 - 11, width: 14, height: 14, fill: color }) +
        label(rowTitleWidth + 22, legendTop + index * 20, name),
    ),
  );
}

function squareOf({ text, color, strength }: Square, x: number, y: number): string {
  const center = { 'text-anchor': 'middle' };
  return [
    element('rect', {
      x: x + 1,
      y: y + 1,
      width: squareWidth - 2,
      height: squareHeight - 2,
      fill: color,
      'fill-opacity': 0.3 + 0.7 * strength,
      rx: 3,
    }),
    label(x + squareWidth / 2, y + 19, text[0], {
      ...center,
      'font-weight': 600,
      fill: strength > 0.45 ? '#ffffff' : '#1f2933',
    }),
    label(x + squareWidth / 2, y + 35, text[1], {
      ...center,
      'font-size': 11,
      fill: strength > 0.45 ? '#ffffff' : '#1f2933',
    }),
  ].join('');
}
