/**
 * What a child tells of itself once a second: CPU, memory, operations, latency. The same message is its sign
 * of life.
 */

import type { Clock } from '../ports/clock.ts';
import { LatencyHistogram } from './latency.ts';
import type { Health } from './messages.ts';

export const healthIntervalMs = 1_000;
const windowIntervals = 10;

/** What the process takes: Node's `process` tells. */
export type ProcessUsage = {
  readonly cpuUsage: (since?: NodeJS.CpuUsage) => NodeJS.CpuUsage;
  readonly memoryUsage: { readonly rss: () => number };
};

/** What a store counts of itself; `lsn` is that of its last write on disk. */
type Stored = { readonly lsn: number; readonly keys: number; readonly bytes: number };

export class HealthSampler {
  /** The last ten intervals, the current one included; used round robin. */
  readonly #window = Array.from({ length: windowIntervals }, () => new LatencyHistogram());
  #interval = 0;
  readonly #clock: Clock;
  readonly #usage: ProcessUsage;
  #cpu: NodeJS.CpuUsage;
  readonly #memory: MemoryGauge;
  #sampledAtMs: number;

  constructor(clock: Clock, usage: ProcessUsage = process) {
    this.#clock = clock;
    this.#usage = usage;
    this.#cpu = usage.cpuUsage();
    this.#memory = new MemoryGauge(usage);
    this.#sampledAtMs = clock.nowMs();
  }

  record(durationMs: number, operations = 1): void {
    this.#current.record(durationMs, operations);
  }

  /** Ends the current interval. */
  sample(stored: Stored | undefined): Health {
    // At least one millisecond: a rate is a number.
    const elapsedMs = Math.max(1, this.#clock.nowMs() - this.#sampledAtMs);
    const cpu = this.#usage.cpuUsage(this.#cpu);
    const health: Health = {
      type: 'health',
      cpuPercent: (cpu.user + cpu.system) / 10 / elapsedMs,
      memoryBytes: this.#memory.bytes(),
      operationsPerS: (this.#current.total * 1_000) / elapsedMs,
      p99Ms: LatencyHistogram.percentileMs(this.#window, 99),
      intervalP99Ms: LatencyHistogram.percentileMs([this.#current], 99),
      keys: stored?.keys ?? null,
      bytes: stored?.bytes ?? null,
      lsn: stored?.lsn ?? null,
    };
    this.#cpu = this.#usage.cpuUsage();
    this.#sampledAtMs = this.#clock.nowMs();
    this.#interval = (this.#interval + 1) % windowIntervals;
    this.#current.clear();
    return health;
  }

  get #current(): LatencyHistogram {
    return this.#window[this.#interval] as LatencyHistogram;
  }
}

/** How much memory this process has resident. Looking opens a file, which must not end a process that has none left. */
export class MemoryGauge {
  readonly #usage: Pick<ProcessUsage, 'memoryUsage'>;
  #lastBytes = 0;

  constructor(usage: Pick<ProcessUsage, 'memoryUsage'> = process) {
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
