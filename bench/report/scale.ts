/** From values to places on an axis, and which values to write beside it. Pure. */

export type Scale = {
  readonly of: (value: number) => number;
  readonly ticks: readonly number[];
};

type Range = { readonly from: number; readonly to: number };

/** From 0, with four to six round ticks. */
export function linearScale(highest: number, { from, to }: Range): Scale {
  const step = roundStep(highest / 5);
  const top = Math.max(step, Math.ceil(highest / step) * step);
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step);
  return { of: (value) => from + ((to - from) * value) / top, ticks };
}

/** With a tick at each power of ten, and at 2 and 5 where there are few of those. */
export function logarithmicScale(lowest: number, highest: number, { from, to }: Range): Scale {
  const [bottom, top] = [Math.log10(lowest * 0.85), Math.log10(highest * 1.15)];
  const decades = Array.from(
    { length: Math.ceil(top) - Math.floor(bottom) + 1 },
    (_, index) => 10 ** (Math.floor(bottom) + index),
  );
  const all = top - bottom < 2.5 ? decades.flatMap((decade) => [decade, 2 * decade, 5 * decade]) : decades;
  return {
    of: (value) => from + ((to - from) * (Math.log10(value) - bottom)) / (top - bottom),
    ticks: all.filter((tick) => Math.log10(tick) >= bottom && Math.log10(tick) <= top),
  };
}

function roundStep(rough: number): number {
  const unit = 10 ** Math.floor(Math.log10(rough));
  return ([1, 2, 2.5, 5, 10].find((factor) => factor * unit >= rough) as number) * unit;
}
