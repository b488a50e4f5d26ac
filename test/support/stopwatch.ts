/**
 * How long something takes, without the time in which the whole machine stands still: a test that says "within a
 * second" is about the service, and not about who else has the processor for two.
 */

const lookMs = 10;
/** A longer time between two looks is one in which nobody ran. */
const gapMsMax = 50;

export class Stopwatch {
  #passedMs = 0;
  #lookedAtMs = performance.now();
  readonly #looking = setInterval(() => this.#look(), lookMs).unref();

  /** Milliseconds since the start, at most those that have really passed. Ends the watch. */
  stop(): number {
    this.#look();
    clearInterval(this.#looking);
    return this.#passedMs;
  }

  #look(): void {
    const nowMs = performance.now();
    this.#passedMs += Math.min(nowMs - this.#lookedAtMs, gapMsMax);
    this.#lookedAtMs = nowMs;
  }
}
