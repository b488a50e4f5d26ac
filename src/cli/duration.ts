/** Reads durations as people write them. Pure. */

const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `30d` → 2592000000 ms; undefined for anything but a whole number with s, m, h or d. */
export function durationOf(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * (unitsMs[unit] as number);
}
