/** A report as a list of blocks, which can be written as Markdown and as a page: both say the same. Pure. */

import { type Chart, svgOf } from './chart.ts';
import { chartScript } from './chart-script.ts';

export type Table = {
  readonly kind: 'table';
  /** The first is left-aligned, all others right, unless `left`. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly left?: boolean;
};

/** Texts may hold `code` and **bold**. */
export type Block =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | { readonly kind: 'plot'; readonly file: string; readonly chart: Chart }
  | { readonly kind: 'commands'; readonly title: string; readonly lines: readonly string[] }
  | Table;

export type Document = { readonly title: string; readonly blocks: readonly Block[] };

export function markdownOf({ title, blocks }: Document): string {
  return `${[`# ${title}`, ...blocks.map(blockAsMarkdown)].join('\n\n')}\n`;
}

function blockAsMarkdown(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `## ${block.text}`;
    case 'paragraph':
      return block.text;
    case 'list':
      return block.items.map((item) => `- ${item}`).join('\n');
    case 'plot':
      return `![${block.chart.title}](${block.file})`;
    case 'commands':
      return `<details><summary>${block.title}</summary>\n\n\`\`\`\n${block.lines.join('\n')}\n\`\`\`\n\n</details>`;
    case 'table': {
      const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
      const rule = block.columns.map((_, index) => (index === 0 || block.left ? '---' : '---:'));
      return [line(block.columns), line(rule), ...block.rows.map(line)].join('\n');
    }
  }
}

/** One file without any other. Its charts are images until their script has drawn them anew, to be looked into. */
export function pageOf({ title, blocks }: Document): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
${blocks.map(blockAsHtml).join('\n')}
</main>
${chartScript(blocks.flatMap((block) => (block.kind === 'plot' ? [block.chart] : [])))}</body>
</html>
`;
}

function blockAsHtml(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `<h2>${inline(block.text)}</h2>`;
    case 'paragraph':
      return `<p>${inline(block.text)}</p>`;
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${inline(item)}</li>`).join('')}</ul>`;
    case 'plot':
      return `<figure>${svgOf(block.chart)}</figure>`;
    case 'commands':
      return `<details><summary>${escaped(block.title)}</summary><pre>${escaped(block.lines.join('\n'))}</pre></details>`;
    case 'table': {
      const row = (cells: readonly string[], tag: string) =>
        `<tr>${cells.map((cell) => `<${tag}>${inline(cell)}</${tag}>`).join('')}</tr>`;
      const body = block.rows.map((cells) => row(cells, 'td')).join('');
      const tableClass = block.left ? ' class="left"' : '';
      return `<div class="wide"><table${tableClass}><thead>${row(block.columns, 'th')}</thead><tbody>${body}</tbody></table></div>`;
    }
  }
}

function inline(text: string): string {
  return escaped(text)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

const style = `
:root { color-scheme: light dark; --line: #d5dbe1; --faint: #616e7c; }
@media (prefers-color-scheme: dark) { :root { --line: #3e4c59; --faint: #9aa5b1; } }
body { margin: 0; font: 16px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
p, li { max-width: 46rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .82rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .55rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { font-weight: 600; color: var(--faint); vertical-align: bottom; }
th:first-child, td:first-child, table.left th, table.left td { text-align: left; }
table.left td { white-space: normal; }
code { font: .9em ui-monospace, "DejaVu Sans Mono", monospace; }
pre { overflow-x: auto; font: .8rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
figure { margin: 1.25rem 0; overflow-x: auto; }
figure svg { max-width: 100%; height: auto; border-radius: 6px; }
`;
