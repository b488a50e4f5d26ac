/**
 * Time, as whoever decides by it sees it. The product has one implementation, of this process; the simulator has
 * another, whose time is virtual.
 */

import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';

export interface Timer {
  /** Idempotent; after it fired, nothing. */
  cancel(): void;
}

export interface Clock {
  /** Milliseconds of a clock that is never set back: differences tell durations. */
  nowMs(): number;
  /** Unix milliseconds, as clients and operators read them. Anybody may set it. */
  dateMs(): number;
  /** Milliseconds since the machine was started, suspended or not. To a second. */
  uptimeMs(): number;
  /** Names this start of the machine; undefined where nothing does. */
  readonly boot: string | undefined;
  after(delayMs: number, run: () => void): Timer;
  /** Once what has arrived in this turn of the event loop is read. */
  soon(run: () => void): void;
}

export const systemClock: Clock = {
  nowMs: () => performance.now(),
  dateMs: () => Date.now(),
  uptimeMs: () => uptime() * 1_000,
  boot: bootOfMachine(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (run) => void setImmediate(run),
};

/** Linux has a name for it. */
function bootOfMachine(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return undefined;
  }
}

/** Again and again, the first time after one interval. */
export function every(clock: Clock, intervalMs: number, run: () => void): Timer {
  let timer: Timer;
  const again = () => {
    timer = clock.after(intervalMs, () => {
      again();
      run();
    });
  };
  again();
  return { cancel: () => timer.cancel() };
}
