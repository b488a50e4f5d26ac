/**
 * Makes one bug of the gallery in a copy of the build, and runs the simulation there. A seed counts only when the
 * build without the bug passes it.
 */

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Mutant, nearSeeds } from './gallery.ts';

export const seedsMax = 20_000;

export type Trial = {
  /** What caught it: an invariant, `history`, `answer` or `defect`; undefined when nothing did. */
  readonly caughtBy: string | undefined;
  readonly afterSeeds: number;
};

/**
 * @param root where package.json, node_modules and an up-to-date dist are
 * @throws RangeError when an edit does not fit exactly one place
 */
export function tryMutant(mutant: Mutant, root: string): Trial {
  const folder = mkdtempSync(join(tmpdir(), 'shardlite-gallery-'));
  try {
    for (const part of ['src', 'test/simulation', 'test/support']) {
      const filter = (path: string) => !/\.(d\.ts|map)$/.test(path);
      cpSync(join(root, 'dist', part), join(folder, 'dist', part), { recursive: true, filter });
    }
    cpSync(join(root, 'package.json'), join(folder, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    for (const { file, find, replace } of mutant.edits) {
      const path = join(folder, 'dist', 'src', file);
      const parts = readFileSync(path, 'utf8').split(find);
      if (parts.length !== 2) throw new RangeError(`${mutant.name}: ${parts.length - 1} places in ${file} fit ${find}`);
      writeFileSync(path, parts.join(replace));
    }
    const near = nearSeeds[mutant.name] ?? 1;
    const late = firstCatch(folder, root, { first: near, last: seedsMax });
    return late.caughtBy === undefined && near > 1 ? firstCatch(folder, root, { first: 1, last: near - 1 }) : late;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

type Seeds = { readonly first: number; readonly last: number };

function firstCatch(folder: string, root: string, seeds: Seeds): Trial {
  for (let { first } = seeds; first <= seeds.last; ) {
    const args = [simulateIn(folder), '--first', `${first}`, '--seeds', `${seeds.last - first + 1}`];
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
    const [, caughtBy, seed] = /^(\w+): 1 seeds, the first ones (\d+)$/m.exec(stdout) ?? [];
    if (caughtBy === undefined) break;
    if (isHealthy(root, Number(seed))) return { caughtBy, afterSeeds: Number(seed) };
    first = Number(seed) + 1;
  }
  return { caughtBy: undefined, afterSeeds: seedsMax };
}

function isHealthy(root: string, seed: number): boolean {
  try {
    execFileSync(process.execPath, [simulateIn(root), '--seed', `${seed}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function simulateIn(folder: string): string {
  return join(folder, 'dist', 'test', 'simulation', 'simulate.js');
}
