/**
 * What a child tells of itself once a second: CPU, memory, operations, latency. The same message is its sign
 * of life.
 */

import { LatencyHistogram } from './latency.ts';
import type { Health } from './messages.ts';

export const healthIntervalMs = 1_000;
const windowIntervals = 10;

export class HealthSampler {
  /** The last ten intervals, the current one included; used round robin. */
  readonly #window = Array.from({ length: windowIntervals }, () => new LatencyHistogram());
  #interval = 0;
  #cpu = process.cpuUsage();
  #sampledAtMs = performance.now();
  readonly #memory = new MemoryGauge();

  record(durationMs: number, operations = 1): void {
    this.#current.record(durationMs, operations);
  }

  /** Ends the current interval. */
  sample(stored: { readonly keys: number; readonly bytes: number } | undefined): Health {
    const elapsedMs = performance.now() - this.#sampledAtMs;
    const cpu = process.cpuUsage(this.#cpu);
    const health: Health = {
      type: 'health',
      cpuPercent: (cpu.user + cpu.system) / 10 / elapsedMs,
      memoryBytes: this.#memory.bytes(),
      operationsPerS: (this.#current.total * 1_000) / elapsedMs,
      p99Ms: LatencyHistogram.percentileMs(this.#window, 99),
      intervalP99Ms: LatencyHistogram.percentileMs([this.#current], 99),
      keys: stored?.keys ?? null,
      bytes: stored?.bytes ?? null,
    };
    this.#cpu = process.cpuUsage();
    this.#sampledAtMs = performance.now();
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
  #lastBytes = 0;

  /** As of the last time that looking succeeded; 0 before. */
  bytes(): number {
    try {
      this.#lastBytes = process.memoryUsage.rss();
    } catch {
      // EMFILE: connections have taken all descriptors. The next look may find one.
    }
    return this.#lastBytes;
  }
}
