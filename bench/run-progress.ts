/**
 * How far a run is: a bar with the time left and what is being done on a terminal, a line for each tenth elsewhere.
 * It counts expected time; the pace so far corrects what is left.
 */

import { durationText } from '../src/cli/quantity.ts';

const barWidth = 24;
const clearLine = '\r\x1b[K';

export class RunProgress {
  readonly #stream: NodeJS.WriteStream;
  readonly #totalMs: number;
  readonly #startedAtMs = performance.now();
  #doneMs = 0;
  #stepMs = 0;
  #stepStartedAtMs = performance.now();
  #tenths = 0;

  /** @param totalMs that all steps are expected to take */
  constructor(totalMs: number, stream: NodeJS.WriteStream = process.stderr) {
    this.#totalMs = totalMs;
    this.#stream = stream;
  }

  /** Ends the step before. */
  begin(expectedMs: number): void {
    this.#doneMs += this.#stepMs;
    this.#stepMs = expectedMs;
    this.#stepStartedAtMs = performance.now();
  }

  say(what: string): void {
    const nowMs = performance.now();
    const share = Math.min(1, (this.#doneMs + Math.min(nowMs - this.#stepStartedAtMs, this.#stepMs)) / this.#totalMs);
    const line = progressLine({ share, elapsedMs: nowMs - this.#startedAtMs, totalMs: this.#totalMs, what });
    if (this.#stream.isTTY) {
      this.#stream.write(clearLine + line.slice(0, this.#stream.columns - 1));
      return;
    }
    const tenths = Math.floor(share * 10);
    if (tenths > this.#tenths) this.#stream.write(`${line}\n`);
    this.#tenths = tenths;
  }

  /** Takes the line away. */
  end(): void {
    if (this.#stream.isTTY) this.#stream.write(clearLine);
  }
}

type ProgressLine = {
  readonly share: number;
  readonly elapsedMs: number;
  readonly totalMs: number;
  readonly what: string;
};

/** `████████░░░░ 34 %, 8m 10s left  Workloads, round 2 of 5: …` */
export function progressLine({ share, elapsedMs, totalMs, what }: ProgressLine): string {
  const filled = Math.round(share * barWidth);
  // At first nobody knows the pace but the plan.
  const leftMs = share < 0.05 ? totalMs * (1 - share) : (elapsedMs * (1 - share)) / share;
  const bar = '█'.repeat(filled) + '░'.repeat(barWidth - filled);
  return `${bar} ${Math.floor(share * 100)} %, ${durationText(leftMs)} left  ${what}`;
}
