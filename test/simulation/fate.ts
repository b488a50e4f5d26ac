/**
 * Whatever a simulated world does not decide by itself: which event comes next, who dies where, what gets lost. A
 * seed decides it (`SeededFate`), or a script that goes through all small cases (`exhaustive.ts`).
 */

import type { Random } from '../support/random.ts';

export interface Fate {
  /** 0 to n − 1. */
  below(n: number): number;
  chance(probability: number): boolean;
  /** Which of so many deliverable events is next; they are in the order in which they came about. */
  next(events: number): number;
  /** Whether a timer fires although there is something to deliver. */
  hurriesTimer(): boolean;
  /** How many steps longer than others something is on its way. */
  lag(): number;
  /** Whether the process that acts right now dies at this very point. */
  strikes(): boolean;
}

export type Odds = {
  readonly strike: number;
  readonly hurriedTimer: number;
  readonly lag: number;
};

const lagStepsMax = 150;

export class SeededFate implements Fate {
  readonly random: Random;
  readonly #odds: Odds;
  /** How many more processes may die in the middle of what they do. */
  strikesLeft: number;

  constructor(random: Random, odds: Odds, strikesMax: number) {
    this.random = random;
    this.#odds = odds;
    this.strikesLeft = strikesMax;
  }

  below(n: number): number {
    return this.random.below(n);
  }

  chance(probability: number): boolean {
    return this.random.chance(probability);
  }

  next(events: number): number {
    return this.random.below(events);
  }

  hurriesTimer(): boolean {
    return this.random.chance(this.#odds.hurriedTimer);
  }

  lag(): number {
    return this.random.chance(this.#odds.lag) ? this.random.below(lagStepsMax) : 0;
  }

  strikes(): boolean {
    if (this.strikesLeft === 0 || !this.random.chance(this.#odds.strike)) return false;
    this.strikesLeft--;
    return true;
  }
}
