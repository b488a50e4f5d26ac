/**
 * The life of a process that is measured. Each leads a process group of its own, so that Ctrl-C reaches the
 * benchmark alone, and so that whatever it forked can be killed with it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { exactly, objectOf, text } from '../../src/process/shape.ts';
import { BenchFailure } from '../failure.ts';

const startDeadlineMs = 15_000;
/** More than the service allows itself. */
const stopDeadlineMs = 10_000;

/** The line of its log that says where it serves. */
const announcement = objectOf({ event: exactly('service-ready'), url: text });

export class ContestantProcess {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #command: string;
  readonly #killGroup = () => killGroup(this.pid);

  /** @param args of `node` */
  constructor(args: readonly string[]) {
    this.#command = args.join(' ');
    this.#child = spawn(process.execPath, args, {
      detached: true,
      env: environment(),
      // By its channel a contestant of ours notices when the benchmark is gone.
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    if (this.#child.pid === undefined) throw new Error(`${this.#command} cannot be started`);
    this.pid = this.#child.pid;
    // Last resort, when the benchmark ends in the middle; before its files are removed.
    process.prependListener('exit', this.#killGroup);
  }

  /** Why it is no more, when it has ended without being stopped. */
  get death(): BenchFailure | undefined {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return undefined;
    return new BenchFailure(`${this.#command} ended with ${signalCode ?? `exit code ${exitCode}`}.`);
  }

  /** Resolves with its URL when it serves. @throws BenchFailure */
  ready(): Promise<string> {
    return new Promise<string>((resolve, reject) => {
      const late = new BenchFailure(`${this.#command} is not ready after ${startDeadlineMs / 1_000} s.`);
      const impatience = setTimeout(() => reject(late), startDeadlineMs);
      this.#child.once('exit', () => {
        clearTimeout(impatience);
        reject(this.death);
      });
      createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        const said: unknown = JSON.parse(line);
        if (!announcement(said)) return;
        clearTimeout(impatience);
        resolve(said.url);
      });
    });
  }

  /** Lets it finish, but not for ever. Idempotent. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      const impatience = setTimeout(this.#killGroup, stopDeadlineMs);
      this.#child.kill('SIGTERM');
      await ended;
      clearTimeout(impatience);
    }
    process.off('exit', this.#killGroup);
  }
}

/** Without the settings of whoever runs the benchmark: all are measured with their defaults. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SHARDLITE_')));
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // Nobody of it is left.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
