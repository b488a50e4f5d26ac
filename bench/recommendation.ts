/** How many routers and shards to start on this machine, from what was measured on it. Pure. */

import { type Mix, plainWorkload } from './cells/cell.ts';
import { type Contestant, nameOf } from './contestants/contestant.ts';
import { spreadOver } from './measure/trial.ts';
import { count } from './report/texts.ts';
import { type Recommendation, type SectionResults, trialsOf } from './results.ts';

/** Less is not worth another number than `shardctl start` takes by itself. */
const worthShare = 0.05;

type Rated = { readonly layout: Contestant; readonly get: number; readonly put: number };

/** The best geometric mean of GET and PUT; null where no layout was measured at both. */
export function recommendationOf(sections: readonly SectionResults[]): Recommendation | null {
  const layouts = layoutsIn(sections).flatMap((layout) => rated(sections, layout));
  const [standard] = layouts;
  if (standard === undefined) return null;
  const sorted = [...layouts].sort((a, b) => scoreOf(b) - scoreOf(a));
  const best = sorted[0] ?? standard;
  const chosen = scoreOf(best) > scoreOf(standard) * (1 + worthShare) ? best : standard;
  const listed = sorted.map(
    ({ layout, get, put }) => `${layout.fronts}+${layout.backs}: ${count(get)} GET/s, ${count(put)} PUT/s`,
  );
  const asUsual = chosen === standard ? ' These are the numbers that `shardctl start` takes by itself.' : '';
  return {
    routers: chosen.layout.fronts,
    shards: chosen.layout.backs,
    why: `Measured, routers + shards: ${listed.join('; ')}.${asUsual}`,
  };
}

/** In the order of the plan: the standard one first. */
function layoutsIn(sections: readonly SectionResults[]): readonly Contestant[] {
  const cells = sections.find(({ name }) => name === 'strategies')?.cells ?? [];
  const contestants = cells.map(({ cell }) => cell.contestant).filter(({ strategy }) => strategy === 'partitioned');
  return [...new Map(contestants.map((one) => [nameOf(one), one])).values()];
}

/** None where it was not measured at both. */
function rated(sections: readonly SectionResults[], layout: Contestant): readonly Rated[] {
  const [get, put] = [throughput(sections, layout, 'get'), throughput(sections, layout, 'put')];
  return get === undefined || put === undefined ? [] : [{ layout, get, put }];
}

function scoreOf({ get, put }: Rated): number {
  return Math.sqrt(get * put);
}

function throughput(sections: readonly SectionResults[], contestant: Contestant, mix: Mix): number | undefined {
  const trials = trialsOf(sections, { section: 'strategies', workload: { ...plainWorkload, mix }, contestant });
  return trials === undefined ? undefined : spreadOver(trials, (trial) => trial.requestsPerS).median;
}
