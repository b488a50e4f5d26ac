/**
 * What a page needs to draw its charts by itself, without any other file and without a network: the library, packed, and
 * the charts. They follow the page from light to dark.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import type { Chart } from './chart.ts';
import { darkTheme, lightTheme } from './chart-theme.ts';

/** The smaller build of the library: lines, bars and points. */
const library = createRequire(import.meta.url).resolve('echarts/dist/echarts.common.min.js');

/** Elements for the end of a page; none where there are no charts. @param charts in the order of the page's figures */
export function chartScript(charts: readonly Chart[]): string {
  if (charts.length === 0) return '';
  const packed = gzipSync(readFileSync(library), { level: 9 }).toString('base64');
  const drawn = charts.map(({ width, height, option }) => ({ width, height, option }));
  return [
    `<script type="application/json" id="charts">${jsonText({ charts: drawn, lightTheme, darkTheme })}</script>`,
    `<script type="application/gzip;base64" id="library">${packed}</script>`,
    `<script type="module">${script}</script>\n`,
  ].join('\n');
}

/** Nothing in it ends its element. */
function jsonText(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

const script = `
const textOf = (id) => document.getElementById(id).textContent;
const packed = Uint8Array.from(atob(textOf('library')), (letter) => letter.charCodeAt(0));
const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
const library = document.createElement('script');
library.textContent = await new Response(unpacked).text();
document.head.append(library);
const { charts, lightTheme, darkTheme } = JSON.parse(textOf('charts'));
const dark = matchMedia('(prefers-color-scheme: dark)');
const themeNow = () => (dark.matches ? darkTheme : lightTheme);
const drawn = [...document.querySelectorAll('figure')].map((figure, index) => {
  const { width, height, option } = charts[index];
  const place = document.createElement('div');
  place.style.width = width + 'px';
  place.style.height = height + 'px';
  figure.replaceChildren(place);
  const chart = echarts.init(place, themeNow(), { renderer: 'svg' });
  chart.setOption(option);
  return chart;
});
dark.addEventListener('change', () => {
  for (const chart of drawn) chart.setTheme(themeNow());
});
`;
