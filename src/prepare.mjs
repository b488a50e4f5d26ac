/**
 * Runs before `npm start`, `npm test` and the other scripts: installs and builds what is missing or older than
 * its sources, and nothing else. Plain JavaScript without dependencies, since it runs before there are any.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const installStamp = join(root, 'node_modules', '.shardlite-installed');
const dist = join(root, 'dist');
const compilerHint = 'To compile SQLite, python3, make and g++ must be there.';
const buildStamp = join(dist, '.built');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`Shardlite needs Node 20.19 or newer; this is Node ${process.versions.node}.`);
}

/** The Node that native code is compiled for. */
const abi = `node-abi-${process.versions.modules} ${process.platform}-${process.arch}\n`;

/** What an installation depends on: the locked versions, and that Node. */
function installationWanted() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  return `${lock} ${abi}`;
}

const wanted = installationWanted();
const found = existsSync(installStamp) ? readFileSync(installStamp, 'utf8') : undefined;
if (found !== wanted) {
  say('Installing dependencies and compiling SQLite: once, one to two minutes …');
  // Not `npm ci`: it refuses a lock file that leaves out binaries of other platforms, as some registries make it.
  // `--no-save` leaves the lock file as it is.
  run('npm', ['install', '--no-save', '--no-fund', '--no-audit', '--include=dev'], compilerHint);
  // What was compiled for another Node would stay as it is.
  if (found !== undefined && !found.endsWith(abi)) run('npm', ['rebuild', 'better-sqlite3'], compilerHint);
  writeFileSync(installStamp, wanted);
}

if (!existsSync(buildStamp) || newestSourceMs() > statSync(buildStamp).mtimeMs) {
  say('Building …');
  // Its content rather than the folder itself, which may be a mounted volume.
  mkdirSync(dist, { recursive: true });
  for (const name of readdirSync(dist)) rmSync(join(dist, name), { recursive: true });
  run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc')], 'The sources do not compile.');
  // The pages for operators and of the API are served as they are written, and Swagger UI as it was published.
  for (const page of ['page', join('http', 'reference')]) {
    cpSync(join(root, 'src', page), join(dist, 'src', page), { recursive: true });
  }
  for (const file of ['swagger-ui.css', 'swagger-ui-bundle.js', 'LICENSE', 'NOTICE']) {
    cpSync(join(root, 'node_modules', 'swagger-ui-dist', file), join(dist, 'src', 'http', 'reference', file));
  }
  // npm links the program when it installs, which is before it is built.
  const program = join(dist, 'src', 'cli', 'shardctl.js');
  chmodSync(program, 0o755);
  writeFileSync(join(dist, 'shardctl.1'), execFileSync(process.execPath, [program, 'man']));
  writeFileSync(buildStamp, '');
}

function newestSourceMs() {
  const folders = ['src', 'test', 'bench', 'examples'];
  const entries = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).map((entry) =>
      join(entry.parentPath, entry.name),
    ),
  );
  // Folders count too: their time changes when a file is removed.
  const sources = [...entries, ...folders, 'tsconfig.json', 'vitest.config.ts', installStamp];
  return Math.max(...sources.map((source) => statSync(join(source.startsWith(root) ? '' : root, source)).mtimeMs));
}

function run(command, args, hint) {
  try {
    // SQLite is compiled on every core.
    const env = { JOBS: 'max', ...process.env };
    execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], env });
  } catch {
    fail(`\`${[command, ...args].join(' ')}\` failed. ${hint}`);
  }
}

/** On standard error, so that standard output belongs to the program that follows. */
function say(line) {
  process.stderr.write(`${line}\n`);
}

function fail(line) {
  say(line);
  process.exit(1);
}
