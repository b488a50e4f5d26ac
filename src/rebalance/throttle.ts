/**
 * How fast rows are copied. Unless an operator says otherwise, as fast as clients do not notice (`pace.ts`), and
 * without holding back while there are no clients.
 */

import { type Clock, every, type Timer } from '../ports/clock.ts';
import type { ClientFigures } from './client-figures.ts';
import { firstPace, type Pace, paceAfter } from './pace.ts';

export type ThrottleSetting =
  | { readonly kind: 'automatic' }
  | { readonly kind: 'rows-per-s'; readonly rowsPerS: number }
  | { readonly kind: 'p99-ms'; readonly p99Ms: number };

type WhatClientsFeel = Pick<ClientFigures, 'operationsPerS' | 'secondP99Ms'>;

const secondMs = 1_000;
/** Below this rate the service counts as having no clients. */
const idleOperationsPerS = 5;

export class Throttle {
  readonly #clients: WhatClientsFeel;
  readonly #isMoving: () => boolean;
  #setting: ThrottleSetting = { kind: 'automatic' };
  #pace: Pace = firstPace;
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(clients: WhatClientsFeel, clock: Clock, isMoving: () => boolean) {
    this.#clock = clock;
    this.#clients = clients;
    this.#isMoving = isMoving;
  }

  start(): void {
    this.#timer = every(this.#clock, secondMs, () => {
      const boundMs = this.#setting.kind === 'p99-ms' ? this.#setting.p99Ms : undefined;
      this.#pace = paceAfter(this.#pace, { isMoving: this.#isMoving(), p99Ms: this.#clients.secondP99Ms, boundMs });
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  set(setting: ThrottleSetting): void {
    this.#setting = setting;
  }

  /** 0 means: as fast as possible. */
  get rowsPerS(): number {
    if (this.#setting.kind === 'rows-per-s') return this.#setting.rowsPerS;
    return this.#clients.operationsPerS < idleOperationsPerS ? 0 : this.#pace.rowsPerS;
  }
}
