/** The client runs wherever `fetch` does: it needs no package, nothing of Node, and nothing of the service. */

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const folder = new URL('../../src/client/', import.meta.url);

test('the client imports nothing but its own files, and types', () => {
  const files = readdirSync(folder);
  expect(files).toContain('connect.ts');
  for (const file of files) {
    const source = readFileSync(new URL(file, folder), 'utf8');
    const imported = [...source.matchAll(/^(?:import|export) (?!type)[^;]*?from '([^']+)'/gm)].map(([, from]) => from);
    expect(
      imported.filter((from) => !/^\.\/[a-z-]+\.ts$/.test(from as string)),
      file,
    ).toEqual([]);
    expect(source, file).not.toMatch(/\b(?:Buffer|process|require)\b[.(]/);
  }
});
