/**
 * A recorded terminal as one SVG that plays by itself: each row of text is there from when it was written until it was
 * written over. It runs no script, so that pages may show it as an image. Who prefers reduced motion sees the last screen. Pure.
 */

import type { Run, Screen, ScreenSize } from './screen.ts';

const cellWidth = 8.4;
const lineHeight = 19;
const barHeight = 30;
const margin = 14;
/** The last screen stays so long before it all begins anew. */
const restMs = 5_000;

const ground = '#0d1117';
const ink = '#e6edf3';
const palette = [
  ...['#484f58', '#ff7b72', '#3fb950', '#d29922', '#58a6ff', '#bc8cff', '#39c5cf', '#b1bac4'],
  ...['#6e7681', '#ffa198', '#56d364', '#e3b341', '#79c0ff', '#d2a8ff', '#56d4dd', '#ffffff'],
];

/** A row as it was for a while. */
type Shown = { readonly row: number; readonly runs: readonly Run[]; readonly fromMs: number; readonly untilMs: number };

export function animatedSvg(title: string, screens: readonly Screen[], size: ScreenSize): string {
  const beganAtMs = screens[0]?.atMs ?? 0;
  const endedAtMs = (screens.at(-1)?.atMs ?? 0) - beganAtMs + restMs;
  const shown = shownIn(screens, beganAtMs, endedAtMs);
  const width = Math.ceil(size.columns * cellWidth + 2 * margin);
  const height = barHeight + size.rows * lineHeight + margin;
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: 'img',
  };
  return `${element(
    'svg',
    attributes,
    element('title', {}, escaped(title)),
    element('style', {}, styleOf(shown, endedAtMs)),
    element('rect', { width, height, rx: 8, fill: ground }),
    ...['#ff5f57', '#febc2e', '#28c840'].map((fill, at) =>
      element('circle', { cx: 20 + at * 18, cy: 16, r: 5.5, fill }),
    ),
    element('text', { x: width / 2, y: 20, 'text-anchor': 'middle', fill: palette[7] as string }, escaped(title)),
    ...shown.map((one, index) => {
      const isLast = one.untilMs === endedAtMs;
      return element(
        'g',
        { class: `r${index}${isLast ? ' last' : ''}` },
        ...one.runs.map((run) => textOf(run, one.row)),
      );
    }),
  )}\n`;
}

function shownIn(screens: readonly Screen[], beganAtMs: number, endedAtMs: number): readonly Shown[] {
  const rows = screens[0]?.rows.length ?? 0;
  return Array.from({ length: rows }, (_, row) => {
    const changes = screens
      .map(({ atMs, rows }) => ({ fromMs: atMs - beganAtMs, runs: rows[row] ?? [] }))
      .filter(({ runs }, at, all) => at === 0 || JSON.stringify(runs) !== JSON.stringify(all[at - 1]?.runs));
    return changes
      .map(({ fromMs, runs }, at) => ({ row, runs, fromMs, untilMs: changes[at + 1]?.fromMs ?? endedAtMs }))
      .filter(({ runs }) => runs.length > 0);
  }).flat();
}

function styleOf(shown: readonly Shown[], endedAtMs: number): string {
  const percent = (ms: number) => `${((ms * 100) / endedAtMs).toFixed(2)}%`;
  const animations = shown.map(({ fromMs, untilMs }, index) => {
    const steps = [
      `${percent(0)}{visibility:${fromMs === 0 ? 'visible' : 'hidden'}}`,
      ...(fromMs === 0 ? [] : [`${percent(fromMs)}{visibility:visible}`]),
      ...(untilMs === endedAtMs ? [] : [`${percent(untilMs)}{visibility:hidden}`]),
    ];
    return `@keyframes r${index}{${steps.join('')}}.r${index}{animation-name:r${index}}`;
  });
  return [
    `text{font:14px ui-monospace,"SF Mono",Menlo,"DejaVu Sans Mono",monospace;white-space:pre}`,
    'g{visibility:hidden}.last{visibility:visible}',
    `@media (prefers-reduced-motion:no-preference){g{animation:${(endedAtMs / 1_000).toFixed(2)}s step-end infinite}${animations.join('')}}`,
  ].join('');
}

function textOf({ column, text, color, isBold, isDim }: Run, row: number): string {
  const style = {
    fill: color === undefined ? ink : (palette[color] as string),
    ...(isBold && { 'font-weight': 700 }),
    ...(isDim && { 'fill-opacity': 0.65 }),
  };
  // Columns stay columns, whatever font there is.
  const place = { x: margin + column * cellWidth, y: barHeight + (row + 0.75) * lineHeight };
  const width = { textLength: [...text].length * cellWidth, lengthAdjust: 'spacingAndGlyphs' };
  return element('text', { ...place, ...width, ...style }, escaped(text));
}

function element(name: string, attributes: Readonly<Record<string, string | number>>, ...content: string[]): string {
  const written = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${typeof value === 'number' ? Math.round(value * 10) / 10 : escaped(value)}"`,
  );
  return `<${name}${written.join('')}>${content.join('')}</${name}>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
