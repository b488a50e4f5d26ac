/**
 * Runs commands of `shardctl` within this process: one of its own takes half a second of a core to start. They run one
 * after the other, because they share the streams and the environment of this process, so none may wait for another.
 */

import { Console } from 'node:console';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ProgramResult } from './service.ts';

/** The built program, as `shardctl` in a process is. */
const built = new URL('../../dist/src/cli/run.js', import.meta.url).href;

type CommandOptions = { readonly input?: string | Buffer; readonly env?: NodeJS.ProcessEnv };

let last: Promise<unknown> = Promise.resolve();

/** Without a terminal. */
export function command(args: readonly string[], options: CommandOptions = {}): Promise<ProgramResult> {
  const result = last.then(() => run(args, options));
  last = result.catch(() => {});
  return result;
}

async function run(args: readonly string[], { input = '', env = {} }: CommandOptions): Promise<ProgramResult> {
  const { runCommand } = (await import(/* @vite-ignore */ built)) as typeof import('../../src/cli/run.ts');
  const [stdin, stdout, stderr] = [Readable.from([Buffer.from(input)]), new PassThrough(), new PassThrough()];
  const texts = [buffer(stdout), buffer(stderr)] as const;
  const restore = [
    replaceIn(process, { stdin, stdout, stderr, env: { ...process.env, ...env } }),
    replaceIn(globalThis, { console: new Console(stdout, stderr) }),
  ];
  let code: number;
  try {
    code = await runCommand(args);
  } finally {
    for (const one of restore) one();
    stdout.end();
    stderr.end();
  }
  const [bytes, errors] = await Promise.all(texts);
  return { code, stdout: bytes.toString(), bytes, stderr: errors.toString() };
}

/** @returns what puts back what was there */
function replaceIn(target: object, values: Readonly<Record<string, unknown>>): () => void {
  const before = Object.keys(values).map((name) => [name, Object.getOwnPropertyDescriptor(target, name)] as const);
  for (const [name, value] of Object.entries(values)) {
    Object.defineProperty(target, name, { value, configurable: true, writable: true });
  }
  return () => {
    for (const [name, descriptor] of before) Object.defineProperty(target, name, descriptor as PropertyDescriptor);
  };
}
