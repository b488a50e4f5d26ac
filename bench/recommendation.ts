/** How to start the partitioned strategy on this machine, from what was measured on it. Pure. */

import { type Mix, plainWorkload } from './cells/cell.ts';
import { type Contestant, isPartitioned, nameOf, partitionedForms } from './contestants/contestant.ts';
import { spreadOver } from './measure/trial.ts';
import { count } from './report/texts.ts';
import { type Recommendation, type SectionResults, trialsOf } from './results.ts';

/** Less is not worth another setting than `shardctl start` takes by itself. */
const worthShare = 0.05;

type Rated = { readonly layout: Contestant; readonly get: number; readonly put: number };

/** By the geometric mean of GET and PUT; null where no layout was measured at both. */
export function recommendationOf(sections: readonly SectionResults[]): Recommendation | null {
  const layouts = layoutsIn(sections, isPartitioned);
  const [standard] = layouts;
  if (standard === undefined) return null;
  const chosen = bestOf(layouts, standard);
  const listed = layouts
    .toSorted((a, b) => scoreOf(b) - scoreOf(a))
    .map(
      ({ layout, get, put }) =>
        `${readsOf(layout)}, ${layout.fronts}+${layout.backs}: ${count(get)} GET/s, ${count(put)} PUT/s`,
    );
  const asUsual = chosen === standard ? ' This is what `shardctl start` takes by itself.' : '';
  return {
    reads: readsOf(chosen.layout),
    routers: chosen.layout.fronts,
    shards: chosen.layout.backs,
    why: `Measured, way of reading, routers + shards: ${listed.join('; ')}.${asUsual}`,
  };
}

/** Of one way of reading alone, the best numbers of routers and shards; undefined where none was measured at both. */
export function bestLayoutOf(sections: readonly SectionResults[], reads: Recommendation['reads']) {
  const layouts = layoutsIn(sections, ({ strategy }) => strategy === partitionedForms[reads]);
  const [standard] = layouts;
  return standard && bestOf(layouts, standard).layout;
}

/** As `shardctl start` is told. */
export function commandOf({ reads, routers, shards }: Recommendation): string {
  return `shardctl start --reads ${reads} --routers ${routers} --shards ${shards}`;
}

/** Those that were measured at both, in the order of the plan: the standard one first. */
function layoutsIn(sections: readonly SectionResults[], isMeant: (one: Contestant) => boolean): readonly Rated[] {
  const cells = sections.find(({ name }) => name === 'strategies')?.cells ?? [];
  const contestants = cells.map(({ cell }) => cell.contestant).filter(isMeant);
  return [...new Map(contestants.map((one) => [nameOf(one), one])).values()].flatMap((layout) => {
    const [get, put] = [throughput(sections, layout, 'get'), throughput(sections, layout, 'put')];
    return get === undefined || put === undefined ? [] : [{ layout, get, put }];
  });
}

function bestOf(layouts: readonly Rated[], standard: Rated): Rated {
  const best = layouts.reduce((one, other) => (scoreOf(other) > scoreOf(one) ? other : one));
  return scoreOf(best) > scoreOf(standard) * (1 + worthShare) ? best : standard;
}

function scoreOf({ get, put }: Rated): number {
  return Math.sqrt(get * put);
}

function readsOf({ strategy }: Contestant): Recommendation['reads'] {
  return strategy === partitionedForms.direct ? 'direct' : 'forwarded';
}

function throughput(sections: readonly SectionResults[], contestant: Contestant, mix: Mix): number | undefined {
  const trials = trialsOf(sections, { section: 'strategies', workload: { ...plainWorkload, mix }, contestant });
  return trials === undefined ? undefined : spreadOver(trials, (trial) => trial.requestsPerS).median;
}
