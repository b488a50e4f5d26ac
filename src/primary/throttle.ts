/**
 * How fast rows are copied. Unless an operator says otherwise, as fast as clients do not notice: it keeps their
 * p99 below twice what it was before, and does not hold back while there are no clients.
 */

import type { Supervisor } from './supervisor.ts';

export type ThrottleSetting =
  | { readonly kind: 'automatic' }
  | { readonly kind: 'rows-per-s'; readonly rowsPerS: number }
  | { readonly kind: 'p99-ms'; readonly p99Ms: number };

const adjustIntervalMs = 1_000;
const firstRowsPerS = 20_000;
const rowsPerSMin = 1_000;
const rowsPerSMax = 200_000;
/** Of the p99 before; some way below two, since it is measured over ten seconds. */
const toleratedGrowth = 1.6;
/** Below this rate there are no clients to speak of. */
const idleOperationsPerS = 5;

export class Throttle {
  readonly #supervisor: Supervisor;
  readonly #isMoving: () => boolean;
  #setting: ThrottleSetting = { kind: 'automatic' };
  #timer: NodeJS.Timeout | undefined;
  #adjustedRowsPerS = firstRowsPerS;
  /** Clients' p99 while nothing moved, when there were any. */
  #quietP99Ms: number | null = null;

  constructor(supervisor: Supervisor, isMoving: () => boolean) {
    this.#supervisor = supervisor;
    this.#isMoving = isMoving;
  }

  start(): void {
    this.#timer = setInterval(() => this.#adjust(), adjustIntervalMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  set(setting: ThrottleSetting): void {
    this.#setting = setting;
  }

  /** 0: as fast as it goes. */
  get rowsPerS(): number {
    if (this.#setting.kind === 'rows-per-s') return this.#setting.rowsPerS;
    if (this.#operationsPerS() < idleOperationsPerS) return 0;
    return this.#adjustedRowsPerS;
  }

  /** What clients see now: the worst router's p99 over ten seconds. */
  get p99Ms(): number | null {
    const seen = this.#supervisor.frontends.map(({ health }) => health?.p99Ms ?? null).filter((p99) => p99 !== null);
    return seen.length === 0 ? null : Math.max(...seen);
  }

  #adjust(): void {
    const p99Ms = this.p99Ms;
    if (!this.#isMoving()) {
      this.#quietP99Ms = p99Ms;
      this.#adjustedRowsPerS = firstRowsPerS;
      return;
    }
    const boundMs =
      this.#setting.kind === 'p99-ms'
        ? this.#setting.p99Ms
        : (this.#quietP99Ms ?? Number.POSITIVE_INFINITY) * toleratedGrowth;
    if (p99Ms === null) return;
    const factor = p99Ms > boundMs ? 0.5 : 1.2;
    this.#adjustedRowsPerS = Math.round(Math.min(rowsPerSMax, Math.max(rowsPerSMin, this.#adjustedRowsPerS * factor)));
  }

  #operationsPerS(): number {
    return this.#supervisor.frontends.reduce((sum, { health }) => sum + (health?.operationsPerS ?? 0), 0);
  }
}
