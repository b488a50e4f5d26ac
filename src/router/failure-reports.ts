/** Tells the primary of answers that failed: soon, and many in one message. */

/** An operator sees them at the end of a change that ends in the next moment. */
const delayMs = 20;

export class FailureReports {
  readonly #tell: (count: number) => void;
  #count = 0;

  constructor(tell: (count: number) => void) {
    this.#tell = tell;
  }

  failed(): void {
    if (this.#count++ > 0) return;
    setTimeout(() => {
      this.#tell(this.#count);
      this.#count = 0;
    }, delayMs).unref();
  }
}
