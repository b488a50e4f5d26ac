/** What this process takes of the machine, and how well its event loop keeps up. */

import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

export type ProcessUsage = {
  readonly cpuUsage: (since?: NodeJS.CpuUsage) => NodeJS.CpuUsage;
  readonly memoryUsage: { readonly rss: () => number };
  /** Since it was asked last. */
  readonly eventLoop: () => EventLoopUsage;
};

type EventLoopUsage = {
  /** By how much the slowest hundredth of turns came late. */
  readonly eventLoopDelayMs: number;
  /** Which part of the time it was busy: 0 to 1. */
  readonly eventLoopUtilization: number;
};

/** Costs a timer of so many milliseconds. */
const delayResolutionMs = 20;

export function usageOfThisProcess(): ProcessUsage {
  const delays = monitorEventLoopDelay({ resolution: delayResolutionMs });
  delays.enable();
  let before = performance.eventLoopUtilization();
  return {
    cpuUsage: (since) => process.cpuUsage(since),
    memoryUsage: process.memoryUsage,
    eventLoop: () => {
      const { utilization } = performance.eventLoopUtilization(before);
      before = performance.eventLoopUtilization();
      // Node counts from one tick of its timer to the next.
      const eventLoopDelayMs = Math.max(0, delays.percentile(99) / 1e6 - delayResolutionMs);
      delays.reset();
      return { eventLoopDelayMs, eventLoopUtilization: utilization };
    },
  };
}

/** How much memory this process has resident. Looking opens a file, which must not end a process that has none left. */
export class MemoryGauge {
  readonly #usage: Pick<ProcessUsage, 'memoryUsage'>;
  #lastBytes = 0;

  constructor(usage: Pick<ProcessUsage, 'memoryUsage'>) {
    this.#usage = usage;
  }

  /** As of the last time that looking succeeded; 0 before. */
  bytes(): number {
    try {
      this.#lastBytes = this.#usage.memoryUsage.rss();
    } catch {
      // EMFILE: connections have taken all descriptors. The next look may find one.
    }
    return this.#lastBytes;
  }
}
