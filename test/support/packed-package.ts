/** The package as npm would publish it, and an application that has installed it. */

import { execFile } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const sqlite = join('node_modules', 'better-sqlite3', 'build');

export type PackedPackage = { readonly tarball: string; readonly bytes: number; readonly files: readonly string[] };

/** Packs what is built now. */
export async function packPackage(folder: string): Promise<PackedPackage> {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await promisify(execFile)('npm', args, { cwd: root });
  type Packed = { filename: string; size: number; files: { path: string }[] };
  // A list until npm 10, an object by package since.
  const [packed] = Object.values(JSON.parse(stdout)) as Packed[];
  if (packed === undefined) throw new Error(`npm packed nothing: ${stdout}`);
  const { filename, size, files } = packed;
  return { tarball: join(folder, filename), bytes: size, files: files.map(({ path }) => path).sort() };
}

/**
 * Installs the tarball as an application does, except that SQLite is not compiled once more: the binary that this checkout
 * has compiled for the same Node, of the same version, is copied.
 */
export async function installPackage(tarball: string, folder: string): Promise<void> {
  writeFileSync(join(folder, 'package.json'), '{"type": "module", "private": true}');
  const args = ['install', tarball, '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'];
  await promisify(execFile)('npm', args, { cwd: folder });
  cpSync(join(root, sqlite), join(folder, sqlite), { recursive: true });
}
