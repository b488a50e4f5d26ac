/**
 * Progress of long work: a bar with time left on a terminal, a line for each tenth elsewhere. On standard error
 * by default, so that output stays clean.
 */

import { countText, durationText } from './quantity.ts';

const barWidth = 28;
const redrawIntervalMs = 100;
const clearLine = '\r\x1b[K';

export type ProgressBarOptions = {
  readonly title: string;
  /** Undefined when nobody knows. */
  readonly total: number | undefined;
  readonly amountText?: (amount: number) => string;
  readonly stream?: NodeJS.WriteStream;
  readonly now?: () => number;
};

export class ProgressBar {
  readonly #title: string;
  readonly #total: number | undefined;
  readonly #amountText: (amount: number) => string;
  readonly #stream: NodeJS.WriteStream;
  readonly #now: () => number;
  readonly #startedAtMs: number;
  #drawnAtMs = Number.NEGATIVE_INFINITY;
  #tenths = 0;
  #isEnded = false;

  constructor({
    title,
    total,
    amountText = countText,
    stream = process.stderr,
    now = () => performance.now(),
  }: ProgressBarOptions) {
    this.#title = title;
    this.#total = total;
    this.#amountText = amountText;
    this.#stream = stream;
    this.#now = now;
    this.#startedAtMs = now();
  }

  /** Cheap enough to be called for each item. */
  advanceTo(done: number): void {
    if (this.#isEnded) return;
    if (this.#stream.isTTY) {
      if (this.#now() - this.#drawnAtMs < redrawIntervalMs && done !== this.#total) return;
      this.#drawnAtMs = this.#now();
      this.#stream.write(clearLine + this.#text(done));
      return;
    }
    if (this.#total === undefined) return;
    const tenths = Math.floor((done * 10) / this.#total);
    if (tenths <= this.#tenths) return;
    this.#tenths = tenths;
    this.#stream.write(`${this.#text(done)}\n`);
  }

  /** Writes a line that stays, above the bar. */
  note(line: string): void {
    this.#stream.write(`${this.#stream.isTTY ? clearLine : ''}${line}\n`);
    this.#drawnAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Takes the bar away: nothing more is drawn, whatever still arrives. */
  end(): void {
    this.#isEnded = true;
    if (this.#stream.isTTY) this.#stream.write(clearLine);
  }

  #text(done: number): string {
    if (this.#total === undefined) return `${this.#title} ${this.#amountText(done)}`;
    return progressText({
      title: this.#title,
      done,
      total: this.#total,
      elapsedMs: this.#now() - this.#startedAtMs,
      amountText: this.#amountText,
    });
  }
}

type Progress = {
  readonly title: string;
  readonly done: number;
  readonly total: number;
  readonly elapsedMs: number;
  readonly amountText?: (amount: number) => string;
};

export function progressText({ title, done, total, elapsedMs, amountText = countText }: Progress): string {
  // More than there was when it began: how much there is now, nobody knows.
  if (done > total) return `${title} ${amountText(done)}`;
  const share = done / total;
  const filled = Math.round(share * barWidth);
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
  const left = done === 0 ? '' : `, ${durationText((elapsedMs * (total - done)) / done)} left`;
  return `${title} ${bar} ${Math.floor(share * 100)} %  ${amountText(done)} of ${amountText(total)}${left}`;
}
