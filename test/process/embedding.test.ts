/** A service within a Node program: it serves, it ends with the program, and it says why it cannot start. */

import { execFile, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import ts from 'typescript-5';
import { expect, onTestFinished, test } from 'vitest';
import { statusOfService } from '../../src/admin/admin-client.ts';
import { connect } from '../../src/client/connect.ts';
import { allGone } from '../support/process-state.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { userDoc } from '../support/user-docs.ts';

/** The built module: it forks its neighbour. */
const builtModule = new URL('../../dist/src/embedding/start-service.js', import.meta.url).href;
const { startService } = (await import(builtModule)) as typeof import('../../src/embedding/start-service.ts');

test('a program starts a service, uses it, and leaves nothing behind', async () => {
  let data = '';
  let pids: number[] = [];
  {
    await using service = await startService({ shards: 2, routers: 1 });
    data = service.data;
    await connect(service.url).put('key', 'value');
    expect(await connect(service.url).get('key')).toBe('value');
    pids = (await statusOfService(data)).processes.map(({ pid }) => pid as number);
    expect(pids).toHaveLength(4);
  }
  expect(existsSync(data)).toBe(false);
  await allGone(pids);
});

test('two services run side by side, and one that is started again on its directory has what was written', async () => {
  const data = temporaryDirectory();
  const other = await startService({ strategy: 'single' });
  const first = await startService({ data, strategy: 'single' });
  await connect(first.url).put('key', 1);
  expect(await connect(other.url).get('key')).toBeUndefined();
  await Promise.all([first.stop(), other.stop()]);
  await first.stop();
  const second = await startService({ data });
  expect(await connect(second.url).get('key')).toBe(1);
  await second.stop();
});

test('what is wrong with the settings, or the directory, is said', async () => {
  await expect(startService({ shards: 0 })).rejects.toThrow(/shards is 0, but must be a whole number from 1 to 256/);
  const data = temporaryDirectory();
  const service = await startService({ data, strategy: 'single' });
  await expect(startService({ data })).rejects.toMatchObject({ name: 'CannotStartService' });
  await service.stop();
});

test('a program that is killed takes its service with it', async () => {
  const data = temporaryDirectory();
  const script = `const { startService } = await import('${builtModule}');
    await startService({ data: '${data}', strategy: 'single' });
    console.log('ready');
    setInterval(() => {}, 1_000);`;
  const program = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    program.kill('SIGKILL');
  });
  await new Promise((resolve) => createInterface({ input: program.stdout }).once('line', resolve));
  const pids = (await statusOfService(data)).processes.map(({ pid }) => pid as number);
  program.kill('SIGKILL');
  await allGone(pids);
});

test.each([
  ['first', [], /^hello\n$/],
  ['second', ['--test'], /^(# |ℹ )pass 1$/m],
] as const)('the %s example of its page runs, and ends', async (which, args, printed) => {
  const folder = temporaryDirectory();
  const examples = [...userDoc('docs/embedding.md').matchAll(/```ts\n(.*?)```/gs)].map(([, example]) => example);
  expect(examples).toHaveLength(2);
  const example = examples[which === 'first' ? 0 : 1] as string;
  const { outputText } = ts.transpileModule(example, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  const client = new URL('../../dist/src/client/public.js', import.meta.url).href;
  const program = outputText.replace("'shardlite/server'", `'${builtModule}'`).replace("'shardlite'", `'${client}'`);
  writeFileSync(join(folder, 'example.mjs'), program);
  const { stdout } = await promisify(execFile)(process.execPath, [...args, 'example.mjs'], { cwd: folder });
  expect(stdout).toMatch(printed);
});
