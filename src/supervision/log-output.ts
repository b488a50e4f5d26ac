/**
 * Log lines on their way to a place. Whoever logs never waits and never fails: a line that is not taken, because a disk is
 * full or nobody reads a pipe, is dropped and counted, and the count is told when lines are taken again.
 */

export interface LogPlace {
  /** False when the line was not taken. @param line with its line feed */
  take(line: string): boolean;
  /** Lines that were taken, and lost on their way. */
  readonly lost: number;
}

export class LogOutput {
  readonly #place: LogPlace;
  readonly #tellLost: (lines: number) => string;
  #refused = 0;
  #told = 0;

  /** @param tellLost the line that says how many lines were lost */
  constructor(place: LogPlace, tellLost: (lines: number) => string) {
    this.#place = place;
    this.#tellLost = tellLost;
  }

  /** Lines that were dropped since the start. */
  get lost(): number {
    return this.#refused + this.#place.lost;
  }

  /** @param line with its line feed */
  write(line: string): void {
    const { lost } = this;
    if (this.#told < lost && this.#place.take(this.#tellLost(lost - this.#told))) this.#told = lost;
    if (this.#told < lost || !this.#place.take(line)) this.#refused++;
  }
}
