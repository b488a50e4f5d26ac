/** How many routers and shards to start on this machine, from what was measured on it. Pure. */

import { type mixes, plainWorkload } from './cells/cell.ts';
import { nameOf } from './contestants/contestant.ts';
import { spreadOver } from './measure/trial.ts';
import { type Recommendation, type SectionResults, trialsOf } from './results.ts';

/** Less is not worth another number than `shardctl start` takes by itself. */
const worthShare = 0.05;

/** The best geometric mean of GET and PUT; null where the partitioned strategy was not measured. */
export function recommendationOf(sections: readonly SectionResults[]): Recommendation | null {
  const cells = sections.find(({ name }) => name === 'strategies')?.cells ?? [];
  const layouts = [
    ...new Map(
      cells
        .filter(({ cell }) => cell.contestant.strategy === 'partitioned')
        .map(({ cell }) => [nameOf(cell.contestant), cell.contestant]),
    ).values(),
  ];
  const [standard] = layouts;
  if (standard === undefined) return null;
  const throughput = (layout: typeof standard, mix: keyof typeof mixes) => {
    const trials = trialsOf(sections, {
      section: 'strategies',
      workload: { ...plainWorkload, mix },
      contestant: layout,
    });
    return trials === undefined ? 0 : spreadOver(trials, (trial) => trial.requestsPerS).median;
  };
  const rated = layouts
    .map((layout) => {
      const [get, put] = [throughput(layout, 'get'), throughput(layout, 'put')];
      return { layout, get, put, score: Math.sqrt(get * put) };
    })
    .sort((a, b) => b.score - a.score);
  const best = rated[0] as (typeof rated)[number];
  const ofStandard = rated.find(({ layout }) => layout === standard) as typeof best;
  const chosen = best.score > ofStandard.score * (1 + worthShare) ? best : ofStandard;
  const listed = rated.map(
    ({ layout, get, put }) => `${layout.fronts}+${layout.backs}: ${count(get)} GET/s, ${count(put)} PUT/s`,
  );
  return {
    routers: chosen.layout.fronts,
    shards: chosen.layout.backs,
    why: `Measured, routers + shards: ${listed.join('; ')}.${chosen === ofStandard ? ' These are the numbers that `shardctl start` takes by itself.' : ''}`,
  };
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}
