/** The package: what is in it, whether tools and type checkers find their way in it, and whether it works where it is installed. */

import { execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { expect, onTestFinished, test } from 'vitest';
import { installPackage, packPackage } from '../support/packed-package.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const KiB = 1024;

test('the package has the program, its pages, the types of what it exports, and its documents; and it is small', async () => {
  const { files, bytes } = await packPackage(temporaryDirectory());
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const built = sources.filter((file) => file.endsWith('.ts')).map((file) => `dist/src/${file.replace(/ts$/, 'js')}`);
  const typed = [
    ...sources.filter((file) => /^(adapters|client|embedding)\/.*ts$/.test(file)),
    'config/service-config.ts',
  ];
  const types = [...typed, 'kv/errors.ts'].map((file) => `dist/src/${file.replace(/ts$/, 'd.ts')}`);
  const ofSwaggerUi = ['swagger-ui.css', 'swagger-ui-bundle.js', 'LICENSE', 'NOTICE'];
  const pages = [
    ...sources.filter((file) => /^(page|http\/reference)\/./.test(file)),
    ...ofSwaggerUi.map((file) => `http/reference/${file}`),
  ].map((file) => `dist/src/${file}`);
  const documents = ['CHANGELOG.md', 'LICENSE', 'README.md', 'dist/shardctl.1', 'package.json'];
  expect(files).toEqual([...documents, ...built, ...types, ...pages].sort());
  expect(bytes).toBeLessThan(900 * KiB);
});

test('in a checkout npx finds the program that was built there', async () => {
  const { stdout } = await run('npx', ['--no-install', 'shardctl', '--help'], { cwd: root });
  expect(stdout).toMatch(/^Usage: shardctl /);
});

test('publint and arethetypeswrong find nothing wrong', async () => {
  const { tarball } = await packPackage(temporaryDirectory());
  const data = readFileSync(tarball);
  const { messages } = await publint({ pack: { tarball: data.buffer as ArrayBuffer }, strict: true });
  expect(messages).toEqual([]);
  const analysis = await checkPackage(createPackageFromTarballData(data));
  if (!analysis.types) throw new Error('the package has no types');
  // Modules alone: Node 20.19 and later take them from CommonJS too. Node 10 knows no `exports`.
  const found = analysis.problems.filter(
    (problem) =>
      problem.kind !== 'CJSResolvesToESM' && !('resolutionKind' in problem && problem.resolutionKind === 'node10'),
  );
  expect(found).toEqual([]);
});

test('installed elsewhere it starts, and an application writes, reads, adds a shard and reads again', {
  timeout: 180_000,
}, async () => {
  const folder = temporaryDirectory();
  const { tarball } = await packPackage(folder);
  await installPackage(tarball, folder);
  const shardctl = join(folder, 'node_modules', '.bin', 'shardctl');

  const service = spawn(shardctl, ['start', '--port', '0', '--shards', '2', '--data', 'data'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    service.kill('SIGKILL');
  });
  const url = await new Promise<string>((resolve) => {
    createInterface({ input: service.stdout }).on('line', (line) => {
      const { event, url } = JSON.parse(line) as { event?: string; url: string };
      if (event === 'service-ready') resolve(url);
    });
  });
  const application = join(folder, 'application.js');
  writeFileSync(
    application,
    `import { connect } from 'shardlite';
const kv = connect('${url}');
if (process.argv[2] === 'write') await kv.put('greeting', { text: 'hello' });
console.log((await kv.get('greeting')).text);`,
  );
  expect((await run('node', [application, 'write'])).stdout).toBe('hello\n');
  expect((await run(shardctl, ['add-shard', '--yes', '--data', join(folder, 'data')])).stdout).toMatch(/is done in/);
  expect((await run('node', [application])).stdout).toBe('hello\n');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  expect((await run(shardctl, ['--version'])).stdout).toBe(`${version}\n`);
  // By the name of the package, as who has not installed it calls it.
  expect((await run('npx', ['--no-install', 'shardlite', '--version'], { cwd: folder })).stdout).toBe(`${version}\n`);

  const embedding = join(folder, 'embedding.ts');
  writeFileSync(
    embedding,
    `import { connect, type Entry, hasCode, type ShardliteError } from 'shardlite';
import { startService } from 'shardlite/server';
const service = await startService({ shards: 2 });
try {
  const kv = connect(service.url);
  const sum: number = await kv.increment('sum', 2);
  const entry: Entry<string> | undefined = await kv.getEntry<string>('sum');
  const [read] = await kv.batch([{ op: 'get', key: 'sum' }]);
  console.log(sum, entry?.value, read.ok && read.entry?.value);
  await kv.put('sum', 1, { ifAbsent: true }).catch((error: unknown) => {
    if (hasCode(error, 'condition-not-met')) console.log((error satisfies ShardliteError).status);
  });
  // @ts-expect-error a number is no key
  kv.get(5).catch(() => {});
} finally {
  await service.stop();
}`,
  );
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules', '@types')];
  const options = ['--strict', '--target', 'es2023', '--module', 'nodenext', '--exactOptionalPropertyTypes'];
  await run('node', [tsc, ...options, ...types, embedding], { cwd: folder }).catch((error: { stdout: string }) => {
    throw new Error(error.stdout);
  });
  expect((await run('node', [join(folder, 'embedding.js')])).stdout).toBe('2 2 2\n412\n');
});
