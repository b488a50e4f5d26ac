/**
 * Makes one bug of the gallery in a copy of the build, and runs the simulation there. A seed counts only when the
 * build without the bug passes it.
 */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Coverage } from './coverage.ts';
import { type Mutant, nearSeeds } from './gallery.ts';
import { run } from './run.ts';

export const seedsMax = 20_000;

export type Trial = {
  /** What caught it: an invariant, `history`, `answer` or `defect`; undefined when nothing did. */
  readonly caughtBy: string | undefined;
  readonly afterSeeds: number;
};

/** One copy of the build, in which one bug after the other is made, tried and mended. */
export class Workshop {
  readonly #folder = mkdtempSync(join(tmpdir(), 'shardlite-gallery-'));

  /** @param root where package.json, node_modules and an up-to-date dist are */
  constructor(root: string) {
    const filter = (path: string) => !/\.(d\.ts|map)$/.test(path);
    for (const part of ['src', 'test/simulation', 'test/support']) {
      cpSync(join(root, 'dist', part), join(this.#folder, 'dist', part), { recursive: true, filter });
    }
    cpSync(join(root, 'package.json'), join(this.#folder, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(this.#folder, 'node_modules'));
  }

  /** @throws RangeError when an edit does not fit exactly one place */
  try(mutant: Mutant): Trial {
    const mended = new Map<string, string>();
    try {
      for (const { file, find, replace } of mutant.edits) {
        const path = join(this.#folder, 'dist', 'src', file);
        const text = readFileSync(path, 'utf8');
        const parts = text.split(find);
        if (parts.length !== 2)
          throw new RangeError(`${mutant.name}: ${parts.length - 1} places in ${file} fit ${find}`);
        if (!mended.has(path)) mended.set(path, text);
        writeFileSync(path, parts.join(replace));
      }
      const near = nearSeeds[mutant.name] ?? 1;
      const late = firstCatch(this.#folder, { first: near, last: seedsMax });
      return late.caughtBy === undefined && near > 1 ? firstCatch(this.#folder, { first: 1, last: near - 1 }) : late;
    } finally {
      for (const [path, text] of mended) writeFileSync(path, text);
    }
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

type Seeds = { readonly first: number; readonly last: number };

function firstCatch(folder: string, seeds: Seeds): Trial {
  for (let { first } = seeds; first <= seeds.last; ) {
    const args = [simulateIn(folder), '--first', `${first}`, '--seeds', `${seeds.last - first + 1}`];
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
    const [, caughtBy, seed] = /^(\w+): 1 seeds, the first ones (\d+)$/m.exec(stdout) ?? [];
    if (caughtBy === undefined) break;
    if (isHealthy(Number(seed))) return { caughtBy, afterSeeds: Number(seed) };
    first = Number(seed) + 1;
  }
  return { caughtBy: undefined, afterSeeds: seedsMax };
}

/** In this process: to begin another one takes longer than most seeds. */
function isHealthy(seed: number): boolean {
  return run(seed, { coverage: new Coverage(), isTraced: false }) === undefined;
}

function simulateIn(folder: string): string {
  return join(folder, 'dist', 'test', 'simulation', 'simulate.js');
}
