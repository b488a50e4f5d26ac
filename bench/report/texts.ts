/** Figures as the report writes them. Pure. */

import type { Spread } from '../statistics.ts';

export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

export function milliseconds(value: number): string {
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : count(value);
}

/** Half the distance between the extremes, by the median: ±4 % */
function scatter({ median, min, max }: Spread): string {
  return `±${Math.round(median === 0 ? 0 : (50 * (max - min)) / median)} %`;
}

export function withScatter(spread: Spread): string {
  return `${count(spread.median)} ${scatter(spread)}`;
}

export function ratio(value: number): string {
  return value >= 100 ? count(value) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
