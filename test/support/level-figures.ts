/** Figures that are taken again and again while something runs, and whether they stay level once it is under way. */

export type Series = { readonly name: string; readonly values: readonly number[] };

export type Verdict = {
  readonly name: string;
  /** Medians of the second and of the last third: the first is for getting under way. */
  readonly middle: number;
  readonly end: number;
  readonly isLevel: boolean;
};

/** More than a tenth, and more than what such a figure varies by anyway, is growth. */
const growthMax = 0.1;

/** @param slack in the unit of the figures */
export function verdictOn({ name, values }: Series, slack: number): Verdict {
  const third = Math.floor(values.length / 3);
  const middle = medianOf(values.slice(third, 2 * third));
  const end = medianOf(values.slice(2 * third));
  return { name, middle, end, isLevel: end <= middle * (1 + growthMax) + slack };
}

export class Figures {
  readonly #series = new Map<string, number[]>();

  note(name: string, value: number): void {
    const values = this.#series.get(name);
    if (values === undefined) this.#series.set(name, [value]);
    else values.push(value);
  }

  /** Those that were taken at least so often. */
  series(timesMin: number): Series[] {
    return [...this.#series].flatMap(([name, values]) => (values.length < timesMin ? [] : [{ name, values }]));
  }
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
