/** What people read: the README, the pages of `docs/`, what changes, and how to take part. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

export type Page = { /** From the root of the project. */ readonly path: string; readonly text: string };

const paths = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'examples/README.md', ...pagesIn('docs')];

export const userDocs: readonly Page[] = paths.map((path) => ({
  path,
  text: readFileSync(join(projectRoot, path), 'utf8'),
}));

/** @throws Error when there is no such page */
export function userDoc(path: string): string {
  const page = userDocs.find((one) => one.path === path);
  if (page === undefined) throw new Error(`there is no ${path}`);
  return page.text;
}

function pagesIn(folder: string): string[] {
  return readdirSync(join(projectRoot, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => join(entry.parentPath, entry.name).slice(projectRoot.length))
    .sort();
}
