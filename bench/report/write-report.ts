/** Writes a report and everything that belongs to it into one directory. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Results } from '../results.ts';
import { svgOf } from './chart.ts';
import { markdownOf, pageOf } from './document.ts';
import { reportOf } from './report.ts';

/** Creates the directory, and writes over what an earlier run left there. */
export function writeReport(directory: string, results: Results): void {
  mkdirSync(directory, { recursive: true });
  const document = reportOf(results);
  writeFileSync(join(directory, 'results.json'), jsonOf(results));
  writeFileSync(join(directory, 'report.md'), markdownOf(document));
  writeFileSync(join(directory, 'report.html'), pageOf(document));
  for (const block of document.blocks) {
    if (block.kind === 'plot') writeFileSync(join(directory, block.file), `${svgOf(block.chart)}\n`);
  }
}

/** A line a cell, and no more digits than mean anything: the file is read by people and kept in git, too. */
function jsonOf(results: Results): string {
  const rounded = (_: string, value: unknown) =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
  return `${JSON.stringify(results, rounded).replaceAll('{"id":', '\n{"id":')}\n`;
}
