/**
 * The life of a process that is measured. Each leads a process group of its own, so that Ctrl-C reaches the
 * benchmark alone, and so that whatever it forked can be killed with it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { exactly, objectOf, text } from '../../src/process/shape.ts';

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
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    if (this.#child.pid === undefined) throw new Error(`${this.#command} cannot be started`);
    this.pid = this.#child.pid;
    // Last resort, when the benchmark ends in the middle; before its files are removed.
    process.prependListener('exit', this.#killGroup);
  }

  /** Resolves with its URL when it serves. */
  ready(): Promise<string> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${this.#command} ${why}`));
      const late = setTimeout(() => fail(`is not ready after ${startDeadlineMs} ms`), startDeadlineMs);
      this.#child.once('exit', (code, signal) => fail(`ended with ${signal ?? `exit code ${code}`}`));
      createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        const said: unknown = JSON.parse(line);
        if (!announcement(said)) return;
        clearTimeout(late);
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
