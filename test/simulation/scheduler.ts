/**
 * What may happen next: events that wait for delivery, and timers. It picks, fate decides which; a stalled process
 * gets nothing, a dead one never will. Time is virtual: a timer that nobody hurries fires when nothing else is left
 * to do, the earliest first. One that is hurried finds its process's clock far ahead, as after a suspended machine.
 */

import type { Timer } from '../../src/ports/clock.ts';
import type { Fate } from './fate.ts';

/** One life of one process. */
export type Life = {
  readonly name: string;
  isAlive: boolean;
  isStalled: boolean;
  /** Its clock is so far ahead of the world's. */
  aheadMs: number;
};

export function newLife(name: string): Life {
  return { name, isAlive: true, isStalled: false, aheadMs: 0 };
}

/** Whether all processes have the same clock, or each its own. */
export type Clocks = 'one' | 'apart';

/** Thrown through whatever a process was doing when it died. */
export const struck = Symbol('the process died');

type Event = { readonly owner: Life | undefined; readonly notBefore: number; readonly run: () => void };

class SetTimer implements Timer {
  readonly owner: Life;
  /** By its owner's clock. */
  readonly dueMs: number;
  readonly run: () => void;
  isCancelled = false;

  constructor(owner: Life, dueMs: number, run: () => void) {
    this.owner = owner;
    this.dueMs = dueMs;
    this.run = run;
  }

  /** By the world's. */
  get worldDueMs(): number {
    return this.dueMs - this.owner.aheadMs;
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

export class Scheduler {
  readonly #fate: Fate;
  readonly clocks: Clocks;
  readonly #events: Event[] = [];
  #timers: SetTimer[] = [];
  #nowMs = 0;
  #picks = 0;
  /** Timers fire at any time, not only when nothing else is left. */
  isChaotic = true;
  /** Somebody has set the machine's clock to another day. */
  dateAheadMs = 0;

  constructor(fate: Fate, clocks: Clocks) {
    this.#fate = fate;
    this.clocks = clocks;
  }

  /** What has really passed, where processes agree about it. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Runs as one step of this process, if it lives that long. */
  soon(owner: Life | undefined, run: () => void): void {
    const lag = this.isChaotic && owner !== undefined ? this.#fate.lag() : 0;
    this.#events.push({ owner, notBefore: this.#picks + lag, run });
  }

  after(owner: Life, delayMs: number, run: () => void): Timer {
    const timer = new SetTimer(owner, this.#nowMs + owner.aheadMs + delayMs, run);
    this.#timers.push(timer);
    return timer;
  }

  /** Takes the next thing to happen out; undefined when nothing ever will, unless somebody wakes up. */
  next(): { readonly owner: Life | undefined; readonly run: () => void } | undefined {
    this.#picks++;
    const event = this.#deliverable();
    if (event !== undefined && !(this.isChaotic && this.#fate.hurriesTimer())) return event;
    const timer = this.#timer(event !== undefined);
    if (timer === undefined) return event;
    if (event !== undefined) this.#events.push(event);
    return timer;
  }

  #deliverable(): Event | undefined {
    const events = this.#events;
    const start = events.length === 0 ? 0 : this.#fate.next(events.length);
    for (let step = 0; step < events.length; ) {
      const at = (start + step) % events.length;
      const { owner, notBefore } = events[at] as Event;
      if (owner !== undefined && !owner.isAlive) {
        events.splice(at, 1);
        continue;
      }
      const isHeld = owner?.isStalled || (this.isChaotic && notBefore > this.#picks);
      if (!isHeld) return events.splice(at, 1)[0];
      step++;
    }
    return undefined;
  }

  #timer(isHurried: boolean): SetTimer | undefined {
    this.#timers = this.#timers.filter(({ isCancelled, owner }) => !isCancelled && owner.isAlive);
    const ripe = this.#timers.filter(({ owner }) => !owner.isStalled);
    if (ripe.length === 0) return undefined;
    // Any may come next, but those of five milliseconds rather than those of thirty seconds.
    const candidates = isHurried ? [this.#any(ripe), this.#any(ripe), this.#any(ripe)] : ripe;
    const timer = candidates.reduce((first, other) => (other.worldDueMs < first.worldDueMs ? other : first));
    if (isHurried) timer.owner.aheadMs += Math.max(0, timer.worldDueMs - this.#nowMs);
    else this.#nowMs = Math.max(this.#nowMs, timer.worldDueMs);
    this.#timers.splice(this.#timers.indexOf(timer), 1);
    return timer;
  }

  #any(timers: readonly SetTimer[]): SetTimer {
    return timers[this.#fate.below(timers.length)] as SetTimer;
  }
}
