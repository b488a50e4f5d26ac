/** In which order the cells are driven. Pure. */

import { type Cell, cells } from './trial.ts';

/** As many as there are cells, so that each has had every place in the order once. */
export const rounds = cells.length;

/** One stretch of load in its place: what is driven next. */
type Turn = {
  readonly cell: Cell;
  /** From 1; null while warming up, which is not measured. */
  readonly round: number | null;
};

/** All turns in their order: each round begins with another cell. */
export const schedule: readonly Turn[] = [
  ...warmUp().map((cell) => ({ cell, round: null })),
  ...Array.from({ length: rounds }, (_, index) =>
    [...cells.slice(index), ...cells.slice(0, index)].map((cell) => ({ cell, round: index + 1 })),
  ).flat(),
];

/** Compilers take about two seconds of load until they are done. PUTs have had theirs: they stored the keys. */
function warmUp(): readonly Cell[] {
  const gets = cells.filter(({ method }) => method === 'GET');
  return [...gets, ...gets];
}
