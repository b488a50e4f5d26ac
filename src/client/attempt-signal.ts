/** Ends one attempt: when its time is over, when the caller's signal aborts, or when its stream is closed. */

export class AttemptSignal {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #clock: ReturnType<typeof setTimeout>;
  readonly #onOuterAbort = () => this.#controller.abort(this.#outer?.reason);

  /** @throws the outer signal's reason when it has aborted already */
  constructor(outer: AbortSignal | undefined, timeoutMs: number) {
    outer?.throwIfAborted();
    this.#outer = outer;
    outer?.addEventListener('abort', this.#onOuterAbort, { once: true });
    const overdue = new Error(`no answer within ${Math.round(timeoutMs)} ms`);
    this.#clock = setTimeout(() => this.#controller.abort(overdue), timeoutMs);
  }

  get inner(): AbortSignal {
    return this.#controller.signal;
  }

  /** What was asked for has begun to come, and may go on for as long as it likes. */
  stopClock(): void {
    clearTimeout(this.#clock);
  }

  /** Nothing ends the attempt any more: it is over. Idempotent. */
  release(): void {
    clearTimeout(this.#clock);
    this.#outer?.removeEventListener('abort', this.#onOuterAbort);
  }

  /** Ends what is still under way. Idempotent. */
  abort(): void {
    this.release();
    this.#controller.abort();
  }
}
