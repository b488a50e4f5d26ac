/** One line on a terminal that says what is being done and how long it will still take. Silent elsewhere. */

const clearLine = '\r\x1b[K';

export type Step = { readonly title: string; readonly expectedMs: number };

export class Progress {
  readonly #terminal: NodeJS.WriteStream | undefined;
  #leftMs: number;
  #current: Step = { title: '', expectedMs: 0 };

  /** @param expectedMs of all steps together */
  constructor(stream: NodeJS.WriteStream, expectedMs: number) {
    this.#terminal = stream.isTTY ? stream : undefined;
    this.#leftMs = expectedMs;
  }

  /** Ends the step before. */
  begin(step: Step): void {
    this.#leftMs -= this.#current.expectedMs;
    this.#current = step;
    this.advance(0);
  }

  /** @param share of the current step that is done, 0 to 1 */
  advance(share: number): void {
    const leftS = Math.max(0, this.#leftMs - share * this.#current.expectedMs) / 1_000;
    this.#terminal?.write(`${clearLine}${this.#current.title} …  about ${Math.ceil(leftS)} s left`);
  }

  /** Takes the line away. */
  end(): void {
    this.#terminal?.write(clearLine);
  }
}
