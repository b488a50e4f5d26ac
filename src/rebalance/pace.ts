/**
 * How fast rows are copied beside clients: a pure function of what clients felt, second by second. Latencies of single
 * seconds scatter widely (a checkpoint here, a garbage collection there), so it compares means of several seconds,
 * and after each step waits for as many new ones: what it sees must be what it did.
 *
 *   quiet    seconds in which nothing moved, the latest last: what clients are used to
 *   felt     seconds since the last step
 */

export type Pace = {
  readonly rowsPerS: number;
  readonly quietP99sMs: readonly number[];
  readonly feltP99sMs: readonly number[];
};

export type Second = {
  readonly isMoving: boolean;
  /** Of this second alone; null when there were no requests. */
  readonly p99Ms: number | null;
  /** The operator's bound, which replaces what clients are used to. */
  readonly boundMs: number | undefined;
};

export const firstPace: Pace = { rowsPerS: 20_000, quietP99sMs: [], feltP99sMs: [] };

const rowsPerSMax = 200_000;
/** Takes a twentieth of a core. A slower change would hardly ever end. */
const rowsPerSMin = 5_000;
/** To keep an operator's bound, copying may get this slow, but never stops. */
const rowsPerSMinBounded = 500;

const quietSecondsMax = 30;
/** Fewer quiet seconds than this say too little. */
const quietSecondsMin = 5;
const feltSeconds = 5;
/** The tolerated p99, as a multiple of the quiet mean. Clients are promised two: this leaves some room. */
const toleratedGrowth = 1.6;
/** The pace is halved at once after this many consecutive seconds beyond `alarmGrowth` times the tolerated p99. */
const alarmSeconds = 2;
const alarmGrowth = 2;

export function paceAfter(pace: Pace, { isMoving, p99Ms, boundMs }: Second): Pace {
  if (!isMoving) {
    const quiet = p99Ms === null ? pace.quietP99sMs : [...pace.quietP99sMs, p99Ms].slice(-quietSecondsMax);
    return { ...firstPace, quietP99sMs: quiet };
  }
  if (p99Ms === null) return pace;
  const felt = [...pace.feltP99sMs, p99Ms];
  const tolerated = boundMs ?? toleratedMs(pace.quietP99sMs);
  // Without earlier clients there is nothing to compare with: the first pace is no great burden.
  if (tolerated === undefined) return pace;
  const isAlarming = felt.slice(-alarmSeconds).every((second) => second > tolerated * alarmGrowth);
  if (isAlarming && felt.length >= alarmSeconds) return step(pace, 0.5, boundMs);
  if (felt.length < feltSeconds) return { ...pace, feltP99sMs: felt };
  return step(pace, meanOf(felt) > tolerated ? 0.7 : 1.25, boundMs);
}

function toleratedMs(quietP99sMs: readonly number[]): number | undefined {
  return quietP99sMs.length < quietSecondsMin ? undefined : toleratedGrowth * meanOf(quietP99sMs);
}

function step(pace: Pace, factor: number, boundMs: number | undefined): Pace {
  const least = boundMs === undefined ? rowsPerSMin : rowsPerSMinBounded;
  const rowsPerS = Math.round(Math.min(rowsPerSMax, Math.max(least, pace.rowsPerS * factor)));
  return { ...pace, rowsPerS, feltP99sMs: [] };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
