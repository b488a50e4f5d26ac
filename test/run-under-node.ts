/**
 * `npm run test:node -- 24 [vitest's arguments]`: the tests under another Node, of whose major version the newest is
 * taken. npm has Node itself as a package, headers included, so that SQLite is compiled for it without asking any
 * other server. All of it happens in a copy: what is compiled and built here stays as it is.
 */

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const [version, ...vitestArguments] = process.argv.slice(2);
if (version === undefined || !/^\d+(\.\d+){0,2}$/.test(version)) {
  console.error('Say which Node: npm run test:node -- 24 [arguments of vitest]');
  process.exit(2);
}

const copy = mkdtempSync(join(tmpdir(), `shardlite-node-${version}-`));
const status = runTests();
rmSync(copy, { recursive: true, force: true });
process.exit(status);

function runTests(): number {
  const nodeHome = join(copy, 'node');
  const project = join(copy, 'project');
  const nodePackage = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  mkdirSync(nodeHome);
  const installed = run('npm', ['install', '--no-save', '--prefix', nodeHome, `${nodePackage}@${version}`], copy);
  if (installed !== 0) return installed;

  const left = new Set(['.git', 'dist', 'shards', join('bench', 'results')]);
  // Links within node_modules stay links, and point into the copy.
  cpSync(root, project, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => !left.has(relative(root, source)),
  });
  // What a service keeps there stays here.
  cpSync(join(root, 'shards', 'README.md'), join(project, 'shards', 'README.md'));

  const home = join(nodeHome, 'node_modules', nodePackage);
  const env = {
    ...process.env,
    PATH: `${join(home, 'bin')}${delimiter}${process.env['PATH']}`,
    npm_config_nodedir: home,
    npm_config_build_from_source: 'true',
    JOBS: 'max',
  };
  run('node', ['-p', "'Node ' + process.version + ', ABI ' + process.versions.modules"], project, env);
  // Finds that SQLite was compiled for another Node, and compiles it again.
  return run('npm', ['test', '--', ...vitestArguments], project, env);
}

function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env): number {
  return spawnSync(command, args, { cwd, env, stdio: 'inherit' }).status ?? 1;
}
