/**
 * Shows the progress of long work: on a terminal a bar with the time left, elsewhere a line for each tenth. It goes to
 * standard error unless told otherwise, so that standard output holds results alone.
 */

import { countText, durationText } from './quantity.ts';

const barWidth = 28;
const redrawIntervalMs = 100;
/** Begins the line of the cursor anew. */
export const clearLine = '\r\x1b[K';

export type ProgressBarOptions = {
  readonly title: string;
  /** Undefined when it is unknown. */
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

  /** May be called for each item: it draws ten times a second at most. */
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

  /** Writes a line above the bar, which stays. */
  note(line: string): void {
    this.#stream.write(`${this.#stream.isTTY ? clearLine : ''}${line}\n`);
    this.#drawnAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Removes the bar. Later calls of advanceTo draw nothing. */
  end(): void {
    this.#isEnded = true;
    if (this.#stream.isTTY) this.#stream.write(clearLine);
  }

  #text(done: number): string {
    if (this.#total === undefined) return `${this.#title} ${this.#amountText(done)}`;
    return barText({
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

/** One line: title, bar, share, amounts and the time left at the speed so far. */
export function barText({ title, done, total, elapsedMs, amountText = countText }: Progress): string {
  // The total was counted when the work began, and more has come since then: the new total is unknown.
  if (done > total) return `${title} ${amountText(done)}`;
  const share = done / total;
  const filled = Math.round(share * barWidth);
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
  const left = done === 0 ? '' : `, ${durationText((elapsedMs * (total - done)) / done)} left`;
  return `${title} ${bar} ${Math.floor(share * 100)} %  ${amountText(done)} of ${amountText(total)}${left}`;
}
