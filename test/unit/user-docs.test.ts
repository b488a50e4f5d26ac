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

/** For people who change the code: they know its words already. */
test.each(['ARCHITECTURE.md', 'bench/README.md'])('%s is read without much effort', (path) => {
  expect(readabilityOf(readFileSync(join(projectRoot, path), 'utf8')).wordsASentence).toBeLessThanOrEqual(16);
});

/** The first is about all of it; each other page is about one feature. */
const ofFeatures = userDocs.filter(
  ({ path }) => path.startsWith('docs/operations/') && path !== 'docs/operations/operating.md',
);

test.each(ofFeatures.map(({ path, text }) => [path, text] as const))(
  '%s says which strategies have it, what holds in a container, and what to do when',
  (_path, text) => {
    expect(text).toMatch(/strateg(y|ies)/);
    expect(text).toMatch(/container|docker compose/i);
    expect(text).toMatch(/^## Troubleshooting$/m);
  },
);

test('each feature has its page, to which the page of all commands leads', () => {
  const names = ofFeatures.map(({ path }) => path.replace('docs/operations/', ''));
  const overview = userDoc('docs/operations/operating.md');
  expect(names.filter((name) => !overview.includes(`](${name}`))).toEqual([]);
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
