/**
 * Signs of life between the primary and its children, both ways, and who counts their absence. Absence is counted in
 * ticks of one's own timer rather than by the clock: after a suspended machine wakes up, everybody has been silent for
 * long.
 */

import { type Clock, every, type Timer } from '../ports/clock.ts';
import { healthIntervalMs } from './health.ts';
import type { Health, MessageToPrimary } from './messages.ts';

export const heartbeatIntervalMs = 250;
/** A second. */
const silentTicksMax = 1_000 / heartbeatIntervalMs;
/** A shard may hang for seconds on a slow disk; a quarter of a minute without a sign of life is no disk any more. */
const lostTicksMax = 15_000 / heartbeatIntervalMs;

export type Hearing = 'heard' | 'silent' | 'lost';

export class Silence {
  #ticks = 0;

  heard(): void {
    this.#ticks = 0;
  }

  /** One interval has passed. */
  tick(): Hearing {
    this.#ticks++;
    return this.#ticks > lostTicksMax ? 'lost' : this.#ticks > silentTicksMax ? 'silent' : 'heard';
  }
}

export type Vitals = {
  readonly health: () => Health;
  /** Of the topology by which the child goes. */
  readonly sequence: () => number;
};

/** A child tells how it is, at once and then each second, and in between that it lives, and by which topology. */
export function tellHealth(
  clock: Clock,
  { health, sequence }: Vitals,
  tell: (message: MessageToPrimary) => void,
): Timer {
  tell(health());
  let beats = 0;
  return every(clock, heartbeatIntervalMs, () => {
    beats++;
    const isHealthDue = (beats * heartbeatIntervalMs) % healthIntervalMs === 0;
    tell(isHealthDue ? health() : { type: 'heartbeat', sequence: sequence() });
  });
}

/** How a child hears of the primary: without it nobody is dealt new connections, and nothing that dies is started again. */
export class PrimaryWatch {
  readonly #silence = new Silence();
  readonly #onChange: (isSilent: boolean) => void;
  #isSilent = false;

  constructor(onChange: (isSilent: boolean) => void) {
    this.#onChange = onChange;
  }

  get isSilent(): boolean {
    return this.#isSilent;
  }

  heard(): void {
    this.#silence.heard();
    this.#set(false);
  }

  /** One interval has passed. */
  tick(): void {
    this.#set(this.#silence.tick() !== 'heard');
  }

  #set(isSilent: boolean): void {
    if (isSilent === this.#isSilent) return;
    this.#isSilent = isSilent;
    this.#onChange(isSilent);
  }
}
