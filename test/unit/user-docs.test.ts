/** The README is short, every page has short sentences, and every link between the pages leads somewhere. */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readabilityOf } from '../support/readability.ts';
import { projectRoot, userDoc, userDocs } from '../support/user-docs.ts';

/** As hosts of repositories make them: lower case, spaces to dashes, punctuation gone. */
function anchorsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('the README is read in a minute', () => {
  expect(userDoc('README.md').split('\n').length).toBeLessThanOrEqual(170);
  const { words, wordsASentence } = readabilityOf(userDoc('README.md'));
  expect(words).toBeLessThanOrEqual(600);
  expect(wordsASentence).toBeLessThanOrEqual(14);
});

test.each(userDocs.map(({ path, text }) => [path, text] as const))('%s is read without effort', (_path, text) => {
  expect(readabilityOf(text).wordsASentence).toBeLessThanOrEqual(14);
});

test.each(userDocs.map(({ path, text }) => [path, text] as const))('every link of %s leads somewhere', (path, text) => {
  const prose = text.replace(/```.*?```/gs, '');
  for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(target)) continue;
    const [file = '', anchor] = target.split('#');
    const to = file === '' ? path : join(dirname(path), file);
    expect(existsSync(join(projectRoot, to)), `${path}: ${target}`).toBe(true);
    if (anchor !== undefined)
      expect(anchorsOf(readFileSync(join(projectRoot, to), 'utf8')), `${path}: ${target}`).toContain(anchor);
  }
});
