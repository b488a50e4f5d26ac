/**
 * The life of a program that is measured. Each leads a process group of its own, so that Ctrl-C reaches the
 * benchmark alone, and so that whatever it forked can be killed with it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { BenchFailure } from '../failure.ts';

const startDeadlineMs = 30_000;
/** More than the service allows itself. */
const stopDeadlineMs = 10_000;

export type Program = {
  readonly command: string;
  readonly args: readonly string[];
  /** Beside the benchmark's own variables. */
  readonly env: NodeJS.ProcessEnv;
};

/** Leaders of the groups that are not stopped yet. */
const living = new Set<number>();
// Last resort, when the benchmark ends in the middle; before its files are removed.
process.prependListener('exit', () => {
  for (const pid of living) killGroup(pid);
});

export class ContestantProcess<Announced> {
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #command: string;
  readonly #announced: Promise<Announced>;
  /** Its output is also that of what it forked, and closed when the last of them has ended. */
  readonly #allEnded: Promise<unknown>;

  /** @param announcedBy what a line of its output says when it serves; undefined for any other line */
  constructor({ command, args, env }: Program, announcedBy: (line: string) => Announced | undefined) {
    this.#command = [command, ...args].join(' ');
    this.#child = spawn(command, args, {
      detached: true,
      env: { ...environment(), ...env },
      // By its channel a contestant of ours notices when the benchmark is gone.
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    this.#child.on('error', () => {});
    this.#allEnded = new Promise((resolve) => this.#child.once('close', resolve));
    if (this.#child.pid === undefined) throw new BenchFailure(`${this.#command} cannot be started.`);
    this.pid = this.#child.pid;
    living.add(this.pid);
    this.#announced = this.#announcement(announcedBy);
    // Whoever waits for it is told; nobody else needs to be.
    this.#announced.catch(() => {});
  }

  /** Why it is no more, when it has ended without being stopped. */
  get death(): BenchFailure | undefined {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return undefined;
    return new BenchFailure(`${this.#command} ended with ${signalCode ?? `exit code ${exitCode}`}.`);
  }

  /** Resolves when it serves. @throws BenchFailure */
  ready(): Promise<Announced> {
    return this.#announced;
  }

  /** Lets it finish, but not for ever. Nothing writes into its files any more afterwards. Idempotent. */
  async stop(): Promise<void> {
    if (this.death === undefined) {
      const ended = once(this.#child, 'exit');
      const impatience = setTimeout(killGroup, stopDeadlineMs, this.pid);
      this.#child.kill('SIGTERM');
      await ended;
      clearTimeout(impatience);
    }
    // What it forked does not outlive it either.
    killGroup(this.pid);
    await this.#allEnded;
    living.delete(this.pid);
  }

  #announcement(announcedBy: (line: string) => Announced | undefined): Promise<Announced> {
    return new Promise((resolve, reject) => {
      const late = new BenchFailure(`${this.#command} is not ready after ${startDeadlineMs / 1_000} s.`);
      const impatience = setTimeout(() => reject(late), startDeadlineMs);
      this.#child.once('exit', () => {
        clearTimeout(impatience);
        reject(this.death);
      });
      createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        const announced = announcedBy(line);
        if (announced === undefined) return;
        clearTimeout(impatience);
        resolve(announced);
      });
    });
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
