/**
 * What a child tells of itself once a second: CPU, memory, operations, latency. The same message is its sign
 * of life. The primary samples itself as well.
 */

import { LatencyHistogram } from '../metrics/latency-histogram.ts';
import { LatencyWindow } from '../metrics/latency-window.ts';
import { distribution, type Measure } from '../metrics/measure.ts';
import type { Clock } from '../ports/clock.ts';
import type { Health } from './messages.ts';
import { MemoryGauge, type ProcessUsage, usageOfThisProcess } from './process-usage.ts';

export const healthIntervalMs = 1_000;

export type OperationKind = 'read' | 'write';

/** What a store counts of itself; `lsn` is that of its last write on disk. */
type Stored = { readonly lsn: number; readonly keys: number; readonly bytes: number };

/** What a process holds, as far as that makes sense for it. */
export type Occupancy = { readonly stored?: Stored | undefined; readonly connections?: number };

export class HealthSampler {
  readonly #reads = new LatencyWindow();
  readonly #writes = new LatencyWindow();
  #failures = 0;
  readonly #clock: Clock;
  readonly #usage: ProcessUsage;
  #cpu: NodeJS.CpuUsage;
  readonly #memory: MemoryGauge;
  #sampledAtMs: number;

  constructor(clock: Clock, usage: ProcessUsage = usageOfThisProcess()) {
    this.#clock = clock;
    this.#usage = usage;
    this.#cpu = usage.cpuUsage();
    this.#memory = new MemoryGauge(usage);
    this.#sampledAtMs = clock.nowMs();
  }

  record(operation: OperationKind, durationMs: number, operations = 1): void {
    (operation === 'write' ? this.#writes : this.#reads).current.record(durationMs, operations);
  }

  /** A request was answered with a status from 500 on. */
  failed(): void {
    this.#failures++;
  }

  /** Ends the current interval. */
  sample({ stored, connections }: Occupancy = {}): Health {
    // At least one millisecond: a rate is a number.
    const elapsedMs = Math.max(1, this.#clock.nowMs() - this.#sampledAtMs);
    const cpu = this.#usage.cpuUsage(this.#cpu);
    const reads = figuresOf(this.#reads, elapsedMs);
    const writes = figuresOf(this.#writes, elapsedMs);
    const health: Health = {
      type: 'health',
      cpuPercent: (cpu.user + cpu.system) / 10 / elapsedMs,
      memoryBytes: this.#memory.bytes(),
      ...this.#usage.eventLoop(),
      operationsPerS: reads.perS + writes.perS,
      p99Ms: LatencyHistogram.percentileMs([...this.#reads.intervals, ...this.#writes.intervals], 99),
      intervalP99Ms: LatencyHistogram.percentileMs([this.#reads.current, this.#writes.current], 99),
      reads,
      writes,
      failuresPerS: (this.#failures * 1_000) / elapsedMs,
      connections: connections ?? null,
      keys: stored?.keys ?? null,
      bytes: stored?.bytes ?? null,
      lsn: stored?.lsn ?? null,
    };
    this.#cpu = this.#usage.cpuUsage();
    this.#sampledAtMs = this.#clock.nowMs();
    this.#reads.turn();
    this.#writes.turn();
    this.#failures = 0;
    return health;
  }

  /** Of all reads and writes since the start. */
  measures(): readonly Measure[] {
    const name = 'shardlite_operation_duration_seconds';
    return [
      distribution(name, this.#reads.ever(), { operation: 'read' }),
      distribution(name, this.#writes.ever(), { operation: 'write' }),
    ];
  }
}

function figuresOf({ current, intervals }: LatencyWindow, elapsedMs: number): Health['reads'] {
  return {
    perS: (current.total * 1_000) / elapsedMs,
    p50Ms: LatencyHistogram.percentileMs(intervals, 50),
    p99Ms: LatencyHistogram.percentileMs(intervals, 99),
  };
}
