/**
 * A shell in a pseudo-terminal of `script`, whose screen is recorded: what it writes goes through the emulation of a
 * terminal, so that colours, cursor movements and lines that are written over look as they do for people.
 */

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import type { Readable, Writable } from 'node:stream';
import type { Terminal as HeadlessTerminal, IBufferCell } from '@xterm/headless';
import type { Run, Screen, ScreenSize } from './screen.ts';

const { Terminal } = createRequire(import.meta.url)('@xterm/headless') as typeof import('@xterm/headless');

/** As people type. */
const keyMs = 70;
/** Screens that follow one another sooner are one. */
const frameMs = 60;
/** Colours of the palette that have a name; others are shown as plain text. */
const namedColors = 16;

export class TerminalSession {
  readonly #shell: ChildProcessByStdio<Writable, Readable, null>;
  readonly #terminal: HeadlessTerminal;
  readonly #startedAtMs = performance.now();
  readonly #screens: Screen[] = [];
  #onScreen = () => {};

  constructor({ columns, rows }: ScreenSize, env: NodeJS.ProcessEnv) {
    this.#terminal = new Terminal({ cols: columns, rows, allowProposedApi: true });
    // A shell that is not interactive, as the first one, would forget the prompt.
    const shell = `stty cols ${columns} rows ${rows}; PS1='$ ' exec bash --norc --noprofile -i`;
    this.#shell = spawn('script', ['--quiet', '--flush', '--return', '--command', shell, '/dev/null'], {
      env: { ...process.env, TERM: 'xterm-256color', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#shell.stdout.on('data', (written: Buffer) => this.#terminal.write(written, () => this.#record()));
  }

  get screens(): readonly Screen[] {
    return this.#screens;
  }

  /** Key by key. */
  async type(text: string): Promise<void> {
    for (const key of text) {
      this.#shell.stdin.write(key);
      await pause(keyMs);
    }
  }

  /** Resolves when the screen shows this. */
  async shows(text: string): Promise<void> {
    while (!textOf(this.#screens.at(-1)).includes(text)) {
      await new Promise<void>((resolve) => {
        this.#onScreen = resolve;
      });
    }
  }

  end(): void {
    // A process under nohup would pass on that SIGHUP is ignored.
    this.#shell.kill('SIGTERM');
  }

  #record(): void {
    const atMs = performance.now() - this.#startedAtMs;
    const last = this.#screens.at(-1);
    if (last !== undefined && atMs - last.atMs < frameMs) this.#screens.pop();
    const { active } = this.#terminal.buffer;
    const rows = Array.from({ length: this.#terminal.rows }, (_, row) => this.#runsOf(active.baseY + row));
    this.#screens.push({ atMs: last !== undefined && atMs - last.atMs < frameMs ? last.atMs : atMs, rows });
    this.#onScreen();
  }

  #runsOf(row: number): readonly Run[] {
    const line = this.#terminal.buffer.active.getLine(row);
    const runs: Run[] = [];
    for (let column = 0; line !== undefined && column < line.length; column++) {
      const cell = line.getCell(column);
      if (cell === undefined || cell.getWidth() === 0) continue;
      const last = runs.at(-1);
      const run = { column, text: cell.getChars() || ' ', ...styleOf(cell) };
      const isSame =
        last !== undefined && (['color', 'isBold', 'isDim'] as const).every((key) => last[key] === run[key]);
      if (isSame) runs[runs.length - 1] = { ...last, text: last.text + run.text };
      else runs.push(run);
    }
    return runs.map((run) => ({ ...run, text: run.text.trimEnd() })).filter(({ text }) => text !== '');
  }
}

/** As seconds pass for those who watch. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function styleOf(cell: IBufferCell): Pick<Run, 'color' | 'isBold' | 'isDim'> {
  const isNamed = cell.isFgPalette() && cell.getFgColor() < namedColors;
  return { color: isNamed ? cell.getFgColor() : undefined, isBold: cell.isBold() !== 0, isDim: cell.isDim() !== 0 };
}

function textOf(screen: Screen | undefined): string {
  return screen?.rows.map((runs) => runs.map(({ text }) => text).join(' ')).join('\n') ?? '';
}
