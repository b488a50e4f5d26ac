/** A clock that stands still until a test lets time pass. */

import type { Clock, Timer } from '../../src/ports/clock.ts';

type Pending = { readonly dueMs: number; readonly run: () => void };

export class VirtualClock implements Clock {
  #nowMs = 0;
  readonly boot: string | undefined = 'virtual';
  #timers: Pending[] = [];
  /** What the system says is so far from what has passed. */
  dateAheadMs = 1_767_225_600_000;

  nowMs(): number {
    return this.#nowMs;
  }

  dateMs(): number {
    return Math.floor(this.#nowMs) + this.dateAheadMs;
  }

  uptimeMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { dueMs: this.#nowMs + delayMs, run };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  soon(run: () => void): void {
    this.after(0, run);
  }

  /** Time passes while something works: no timer fires in between. */
  pass(ms: number): void {
    this.#nowMs += ms;
  }

  /** Time passes, and timers fire in their order. */
  run(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ dueMs }) => dueMs <= endMs).sort((one, other) => one.dueMs - other.dueMs);
      if (next === undefined) break;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.run();
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }
}
