/** Reads durations as people write them. Pure. */

import { CliFailure, exitCodes } from './exit.ts';

const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * `30d` → 2592000000 ms
 * @param option its name, for whoever wrote something else
 * @throws CliFailure with the exit code for wrong usage
 */
export function durationOf(option: string, text: string, example = '90s'): number {
  const [, number, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = Number(number) * (unitsMs[unit] as number);
  if (ms > 0) return ms;
  throw new CliFailure(
    exitCodes.usage,
    `${option} is ${JSON.stringify(text)}, but must be a number above 0 with s, m, h or d, such as ${example}.`,
  );
}
