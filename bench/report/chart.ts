/**
 * What is drawn, as ECharts reads it: once as an image of its own, and once more in the page, where it can be looked
 * into. A chart is plain JSON, without functions, so that both are drawn of the same.
 */

import { type EChartsOption, init, setPlatformAPI } from 'echarts';
import { lightTheme } from './chart-theme.ts';

export type Chart = {
  readonly title: string;
  /** In CSS pixels, as all distances of charts. */
  readonly width: number;
  readonly height: number;
  readonly option: EChartsOption;
};

/** What stands around the panels. */
type Frame = Omit<Chart, 'option'> & {
  /** In a line below the title. */
  readonly note?: string;
  readonly panels: readonly { readonly title: string; readonly left: number; readonly top: number }[];
  readonly legend: readonly string[];
};

/** The title, and the titles of panels. */
export const headingHeight = 62;
const panelTitleHeight = 24;
const legendLineHeight = 30;
const legendGap = 16;
/** Of a letter, by the height of its font: as in the widest of the fonts that may be there. */
const letterWidth = 0.6;

/** With its titles above, and a legend below that has as many lines as it takes. @param option of the panels */
export function chartOf({ title, width, height, note = '', panels, legend }: Frame, option: EChartsOption): Chart {
  return {
    ...{ title, width, height: height + legendLines(legend, width) * legendLineHeight + 12 },
    option: {
      animation: false,
      title: [
        { text: title, subtext: note, left: 12, top: 8 },
        ...panels.map((panel) => ({
          ...{ text: panel.title, left: panel.left, top: panel.top - panelTitleHeight, padding: 0 },
          textStyle: { fontSize: 12.5 },
        })),
      ],
      legend: { data: [...legend], left: 12, right: 12, top: height, itemGap: legendGap },
      // One line for each in what is said of a place.
      tooltip: { confine: true, extraCssText: 'white-space: pre-line' },
      ...option,
    },
  };
}

// There is no font to measure here.
setPlatformAPI({
  measureText: (text, font) => ({
    width: text.length * letterWidth * Number(/([\d.]+)px/.exec(font ?? '')?.[1] ?? 12),
  }),
});

/** Half of what the library writes, for images that are pointed at. */
const forPointers = / (class|pointer-events|ecmeta_\w+)="[^"]*"|<style.*<\/style>\s*/gs;

/** A whole image, for those who see it anywhere. */
export function svgOf({ title, width, height, option }: Chart): string {
  const drawing = init(null, lightTheme, { renderer: 'svg', ssr: true, width, height });
  try {
    drawing.setOption(option);
    return drawing
      .renderToSVGString()
      .replace(forPointers, '')
      .replace('<svg ', `<svg role="img" aria-label="${title}" `);
  } finally {
    drawing.dispose();
  }
}

/** Rather one too many. */
function legendLines(titles: readonly string[], width: number): number {
  const widths = titles.map((title) => 40 + legendGap + title.length * 12 * letterWidth);
  return Math.ceil(widths.reduce((sum, one) => sum + one, 0) / (width - 24));
}
