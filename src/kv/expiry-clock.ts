/**
 * The time by which values expire: that of the machine's clock, as far as it can be believed. It never goes back, also
 * after a restart. It owns no timer and reads no file.
 *
 *   the machine's clock says                        and the time goes on
 *   what can have passed, give or take a second     with it
 *   more, and the machine was suspended meanwhile   with it
 *   more, and nothing explains it                   as time passes, until it has said so for an hour. Then with it
 *   less than what was told before                  a tenth slower than time passes, until the clock has caught up
 */

/** In milliseconds. */
export interface MachineClock {
  /** Unix time. Anybody may set it, to anything. */
  dateMs(): number;
  /** Since some moment. It is never set, and may stand still while the machine is suspended. */
  nowMs(): number;
  /** Since the machine was started, suspended or not. To a second; dear. */
  uptimeMs(): number;
  /** Names this start of the machine; undefined where nothing does. */
  readonly boot: string | undefined;
}

/** A time that was told, and when: what has passed since then is known until the machine is started again. */
export type TimeNote = { readonly toldMs: number; readonly uptimeMs: number; readonly boot: string };

/**
 * The latest that a clock can tell by now which has left this note; undefined when nobody knows.
 * @param machine the same machine's
 */
export function latestSince(note: TimeNote, machine: MachineClock): number | undefined {
  if (machine.boot === undefined || machine.boot !== note.boot) return undefined;
  const passedMs = machine.uptimeMs() - note.uptimeMs;
  const toldMs = note.toldMs + passedMs * (1 + driftMax) + uptimeStepMs;
  return Math.max(toldMs, machine.dateMs()) + slackMs;
}

/** Clocks that are not set differ by less. */
const slackMs = 1_000;
/** An oscillator is wrong by less, and so is a clock that NTP slews. */
const driftMax = 1 / 1_000;
/** How exact `uptimeMs` is. */
const uptimeStepMs = 1_000;
/** So long a leap has to last: long enough for an operator or NTP to take back what was a mistake. */
const believedAfterMs = 3_600_000;
/** A leap is the same as before when it differs by less: as much as two clocks may within the time. */
const leapSlackMs = slackMs + driftMax * believedAfterMs;
/** How often a leap is looked at again. */
const doubtIntervalMs = 1_000;
/** Of a time that is ahead of the machine's clock. */
const slowRate = 9 / 10;

/** A leap of the machine's clock that nothing explains yet. */
type Doubt = { readonly sinceMs: number; readonly leapMs: number; readonly lookedAtMs: number };

export class ExpiryClock {
  readonly #machine: MachineClock;
  /** Told last, with fractions of a millisecond. */
  #toldMs: number;
  #toldAtMs: number;
  /** From here on it is known how much can have passed. */
  #anchor: { readonly dateMs: number; readonly nowMs: number; readonly uptimeMs: number };
  #doubt: Doubt | undefined;

  /**
   * @param latestMs the latest time of which it is known that it was told
   * @param note kept by an earlier process
   */
  constructor(machine: MachineClock, latestMs = 0, note?: TimeNote) {
    this.#machine = machine;
    const [dateMs, nowMs, uptimeMs] = [machine.dateMs(), machine.nowMs(), machine.uptimeMs()];
    const isKnown = note !== undefined && note.boot === machine.boot && uptimeMs >= note.uptimeMs;
    // Another start of the machine: it may have been off for as long as its clock says.
    const passedMs = isKnown ? note.toldMs + uptimeMs - note.uptimeMs : Math.max(latestMs, dateMs);
    this.#anchor = { dateMs: passedMs + (isKnown ? uptimeStepMs : 0), nowMs, uptimeMs };
    const isBelieved = dateMs <= this.#mostMs(0);
    this.#toldMs = Math.max(latestMs, isBelieved && dateMs >= passedMs - slackMs ? dateMs : passedMs);
    this.#toldAtMs = nowMs;
  }

  /** Unix milliseconds. */
  now(): number {
    const dateMs = this.#machine.dateMs();
    const nowMs = this.#machine.nowMs();
    const passedMs = Math.max(0, nowMs - this.#toldAtMs);
    this.#toldAtMs = nowMs;
    if (dateMs < this.#toldMs) {
      this.#doubt = undefined;
      this.#toldMs += passedMs * slowRate;
    } else if (dateMs <= this.#mostMs(nowMs - this.#anchor.nowMs)) {
      this.#doubt = undefined;
      this.#toldMs = dateMs;
    } else {
      this.#toldMs = this.#afterLeap(dateMs, nowMs, this.#toldMs + passedMs);
    }
    return Math.floor(this.#toldMs);
  }

  /** To be kept for the next process; undefined where nothing tells one start of the machine from another. */
  note(): TimeNote | undefined {
    const { boot } = this.#machine;
    return boot === undefined ? undefined : { toldMs: this.now(), uptimeMs: this.#machine.uptimeMs(), boot };
  }

  /** The latest that it can be when so much has passed since the anchor. */
  #mostMs(passedMs: number): number {
    return this.#anchor.dateMs + passedMs * (1 + driftMax) + slackMs;
  }

  /**
   * The machine's clock says more than can have passed.
   * @param passedMs what it is by the clock that is never set
   */
  #afterLeap(dateMs: number, nowMs: number, passedMs: number): number {
    const leapMs = dateMs - passedMs;
    const isSame = this.#doubt !== undefined && Math.abs(leapMs - this.#doubt.leapMs) <= leapSlackMs;
    const sinceMs = isSame ? (this.#doubt as Doubt).sinceMs : nowMs;
    if (isSame && nowMs - (this.#doubt as Doubt).lookedAtMs < doubtIntervalMs) return passedMs;
    this.#doubt = { sinceMs, leapMs, lookedAtMs: nowMs };
    // The uptime counts what the machine was suspended.
    const uptimeMs = this.#machine.uptimeMs() - this.#anchor.uptimeMs;
    if (dateMs <= this.#mostMs(uptimeMs + uptimeStepMs) || nowMs - sinceMs >= believedAfterMs) {
      this.#anchor = { dateMs, nowMs, uptimeMs: this.#machine.uptimeMs() };
      this.#doubt = undefined;
      return dateMs;
    }
    return Math.max(passedMs, this.#anchor.dateMs + uptimeMs - uptimeStepMs);
  }
}
