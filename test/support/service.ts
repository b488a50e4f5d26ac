/** A real service in processes of its own, started as `npm start` does, for tests that kill parts of it. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { statusOfService } from '../../src/admin/admin-client.ts';
import type { ProcessStatus, ServiceStatus } from '../../src/admin/contract.ts';
import { Stopwatch } from './stopwatch.ts';

/** The built program: a forked worker cannot run TypeScript. */
export const shardctlPath = fileURLToPath(new URL('../../dist/src/cli/shardctl.js', import.meta.url));

/** Hundreds of services are started: the usual one would write gigabytes. */
const smallReserve = '64KiB';

export type ServiceOptions = {
  readonly data: string;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Shell commands that go before it in its process, such as `ulimit -n 120`. */
  readonly before?: string;
  /** Another `shardctl` than that of this build. */
  readonly program?: string;
};

/** A service that is expected to become ready. All its processes are killed at the end of the test, whatever happened. */
export async function startService(options: ServiceOptions): Promise<TestService> {
  const { data, args = [], env = {}, before = ':', program = shardctlPath } = options;
  const command = [process.execPath, program, 'start', '--port', '0', '--data', data, ...args];
  const child = spawn('/bin/sh', ['-c', `${before}; exec "$@"`, 'sh', ...command], {
    env: { SHARDLITE_RESERVE_BYTES: smallReserve, ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const allEnded = once(child, 'close');
  onTestFinished(async () => {
    killWithChildren(child);
    await allEnded;
  });
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      said.push(line);
      const entry = JSON.parse(line) as { event?: string; url?: string };
      if (entry.event === 'service-ready') resolve(entry.url as string);
    });
    child.once('exit', (code) => reject(new Error(`the service exited with ${code}:\n${said.join('\n')}`)));
  });
  return new TestService(child, url, data, said);
}

/** The children share its output, which is closed once the last of them has ended: their files are left alone from then on. */
function killWithChildren(child: ChildProcess): void {
  // Most end with their primary by themselves, but not one that is stopped.
  const { stdout } = spawnSync('ps', ['-A', '-o', 'ppid=,pid='], { encoding: 'utf8' });
  const pairs = stdout.split('\n').map((line) => line.trim().split(/ +/).map(Number));
  child.kill('SIGKILL');
  for (const [parent, pid] of pairs) {
    if (parent !== child.pid || pid === undefined) continue;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

export class TestService {
  readonly url: string;
  readonly data: string;
  /** Log lines so far. */
  readonly said: readonly string[];
  readonly #child: ChildProcess;

  constructor(child: ChildProcess, url: string, data: string, said: readonly string[]) {
    this.#child = child;
    this.url = url;
    this.data = data;
    this.said = said;
  }

  /** Resolves when the primary has ended, however. */
  get ended(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return Promise.resolve();
    return once(this.#child, 'exit').then(() => {});
  }

  /** Of the primary, once it has ended; null when a signal ended it. */
  get endCode(): Promise<number | null> {
    return this.ended.then(() => this.#child.exitCode);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  status(): Promise<ServiceStatus> {
    return statusOfService(this.data);
  }

  async processStatus(id: string): Promise<ProcessStatus> {
    const found = (await this.status()).processes.find((process) => process.id === id);
    if (found === undefined) throw new Error(`there is no process ${id}`);
    return found;
  }

  /** Kills one process of the service, by the id that `shardctl status` shows. */
  async kill(id: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    process.kill((await this.processStatus(id)).pid as number, signal);
  }

  /** Waits for a fact about one process; the test's own time-out ends a wait in vain. */
  async until(id: string, holds: (status: ProcessStatus) => boolean): Promise<ProcessStatus> {
    for (;;) {
      const status = (await this.status()).processes.find((process) => process.id === id);
      if (status !== undefined && holds(status)) return status;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Sends the primary a signal and resolves with how it ended. */
  async end(signal: NodeJS.Signals): Promise<{ readonly code: number | null; readonly tookMs: number }> {
    const watch = new Stopwatch();
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    const [code] = (await ended) as [number | null];
    return { code, tookMs: watch.stop() };
  }
}

export type ProgramResult = {
  readonly code: number | null;
  readonly stdout: string;
  readonly bytes: Buffer;
  readonly stderr: string;
};

/** Runs `shardctl` to its end. */
export async function shardctl(
  args: readonly string[],
  options: { input?: string | Buffer; env?: NodeJS.ProcessEnv } = {},
): Promise<ProgramResult> {
  const child = spawn(process.execPath, [shardctlPath, ...args], { env: { ...process.env, ...options.env } });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // Whoever reads none may have ended before it is written.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const [code] = (await once(child, 'close')) as [number | null];
  const bytes = Buffer.concat(stdout);
  return { code, stdout: bytes.toString(), bytes, stderr: Buffer.concat(stderr).toString() };
}
