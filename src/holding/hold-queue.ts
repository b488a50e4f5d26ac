/**
 * Requests that were taken on and are not answered yet, in order of arrival: bounded by number, by bytes and by time,
 * so that a store which is away for a moment costs its clients a wait and never the process its memory.
 */

import type { Clock, Timer } from '../ports/clock.ts';
import { invariant } from '../ports/invariant.ts';

export type HoldLimits = {
  /** How long a request may wait for its answer, whatever happens to the store meanwhile. */
  readonly deadlineMs: number;
  /** Beyond either of these, requests are refused as `overloaded`. */
  readonly countMax: number;
  readonly bytesMax: number;
};

export const defaultHoldLimits: HoldLimits = {
  // Ten times what a shard takes to come back from a kill.
  deadlineMs: 5_000,
  countMax: 10_000,
  bytesMax: 64 * 1024 * 1024,
};

type Held = { readonly startedAtMs: number };

export type HoldQueueEvents<T> = {
  readonly bytesOf: (request: T) => number;
  /** Its deadline has passed; it is held no longer. */
  readonly onOverdue: (request: T) => void;
};

export class HoldQueue<T extends Held> {
  readonly #clock: Clock;
  readonly #limits: HoldLimits;
  readonly #events: HoldQueueEvents<T>;
  readonly #requests = new Set<T>();
  #bytes = 0;
  /** For the request that is due first, or that was when the timer was set. */
  #timer: { readonly handle: Timer; readonly dueAtMs: number } | undefined;

  constructor(clock: Clock, limits: HoldLimits, events: HoldQueueEvents<T>) {
    this.#clock = clock;
    this.#limits = limits;
    this.#events = events;
  }

  get size(): number {
    return this.#requests.size;
  }

  /** False, and nothing is held, when a limit would be exceeded. */
  add(request: T): boolean {
    const bytes = this.#events.bytesOf(request);
    if (this.#requests.size >= this.#limits.countMax || this.#bytes + bytes > this.#limits.bytesMax) return false;
    this.#requests.add(request);
    this.#bytes += bytes;
    const dueAtMs = request.startedAtMs + this.#limits.deadlineMs;
    if (this.#timer === undefined || dueAtMs < this.#timer.dueAtMs) this.#wakeAt(dueAtMs);
    return true;
  }

  /** False when it was not held. */
  remove(request: T): boolean {
    if (!this.#requests.delete(request)) return false;
    this.#bytes -= this.#events.bytesOf(request);
    invariant(this.#bytes >= 0, 'requests that wait come to less than no bytes');
    return true;
  }

  /** Those that fit, in order; they are held no longer. */
  take(fits: (request: T) => boolean = () => true): T[] {
    const taken = [...this.#requests].filter(fits);
    for (const request of taken) this.remove(request);
    return taken;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#requests.values();
  }

  /** Idempotent. What is held stays, and will not be overdue. */
  stop(): void {
    this.#timer?.handle.cancel();
    this.#timer = undefined;
  }

  #wakeAt(dueAtMs: number): void {
    this.#timer?.handle.cancel();
    const delayMs = Math.max(0, dueAtMs - this.#clock.nowMs());
    this.#timer = { dueAtMs, handle: this.#clock.after(delayMs, () => this.#onTime()) };
  }

  #onTime(): void {
    this.#timer = undefined;
    const overdueBefore = this.#clock.nowMs() - this.#limits.deadlineMs;
    for (const request of this.take(({ startedAtMs }) => startedAtMs <= overdueBefore)) this.#events.onOverdue(request);
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const { startedAtMs } of this.#requests) oldestMs = Math.min(oldestMs, startedAtMs);
    if (oldestMs !== Number.POSITIVE_INFINITY) this.#wakeAt(oldestMs + this.#limits.deadlineMs);
  }
}
