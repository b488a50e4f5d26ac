/** The few SVG shapes that the plots are made of. Pure text. Sizes are in CSS pixels. */

export type Attributes = Readonly<Record<string, string | number>>;

export function element(name: string, attributes: Attributes, ...content: readonly string[]): string {
  const written = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${typeof value === 'number' ? Math.round(value * 10) / 10 : escaped(value)}"`,
  );
  return content.length === 0
    ? `<${name}${written.join('')}/>`
    : `<${name}${written.join('')}>${content.join('')}</${name}>`;
}

export function label(x: number, y: number, text: string, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escaped(text));
}

/** A whole image, readable on white and on dark pages: it brings its own ground. */
export function image(width: number, height: number, title: string, ...content: readonly string[]): string {
  const attributes = {
    ...{ xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img' },
    ...{ 'font-family': 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif', 'font-size': 12, fill: ink },
  };
  const ground = element('rect', { width, height, fill: '#ffffff' });
  return `${element('svg', attributes, element('title', {}, escaped(title)), ground, ...content)}\n`;
}

const ink = '#1f2933';
export const faintInk = '#616e7c';
export const gridInk = '#e4e7eb';

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
