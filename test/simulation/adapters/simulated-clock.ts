/** The clock of one process: all of one world, or each its own. */

import type { Clock } from '../../../src/ports/clock.ts';
import type { Life, Scheduler } from '../scheduler.ts';

/** 2026 began then. */
const epochMs = 1_767_225_600_000;

export function clockOf(scheduler: Scheduler, owner: Life): Clock {
  const nowMs = () => scheduler.nowMs + owner.aheadMs;
  return {
    nowMs,
    dateMs: () => epochMs + nowMs() + scheduler.dateAheadMs,
    uptimeMs: nowMs,
    // Where processes disagree about how much has passed, they are not of one machine.
    boot: scheduler.clocks === 'one' ? 'boot' : undefined,
    after: (delayMs, run) => scheduler.after(owner, delayMs, run),
    soon: (run) => scheduler.soon(owner, run),
  };
}
