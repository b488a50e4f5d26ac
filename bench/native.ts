/** Compiles the benchmark's two C sources, with the compiler that the service's own installation needs anyway. */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BenchFailure } from './failure.ts';

export type Native = {
  /** The load generator's program. */
  readonly loadProgram: string;
  /** A library to be preloaded into contestants. */
  readonly slowDiskLibrary: string;
};

const root = projectRoot();

/** @param directory where the two are put. Takes a second. @throws BenchFailure */
export function compileNative(directory: string): Native {
  if (process.platform !== 'linux') {
    throw new BenchFailure('The benchmark needs Linux: its load generator and its emulations use epoll and cgroups.');
  }
  const loadProgram = join(directory, 'load');
  const slowDiskLibrary = join(directory, 'slow-disk.so');
  compile('load/load.c', ['-o', loadProgram, '-lm']);
  compile('emulation/slow-disk.c', ['-shared', '-fPIC', '-o', slowDiskLibrary, '-ldl']);
  return { loadProgram, slowDiskLibrary };
}

function compile(source: string, options: readonly string[]): void {
  const compiler = process.env['CC'] ?? 'cc';
  try {
    execFileSync(compiler, ['-O2', '-Wall', join(root, 'bench', source), ...options], { stdio: ['ignore', 2, 2] });
  } catch (error) {
    throw new BenchFailure(`\`${compiler}\` cannot compile bench/${source}: is gcc installed?`, { cause: error });
  }
}

/** The same from the sources and from `dist`, where the C sources are not. */
function projectRoot(): string {
  let directory = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(directory, 'package.json'))) directory = dirname(directory);
  return directory;
}
