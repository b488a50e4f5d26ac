/** Which strategy wins where, in plain words. Only those that keep an acknowledged write compete. Pure. */

import { workloadName, workloadTitle } from '../cells/cell.ts';
import { isMeantDurable, type Strategy, strategies } from '../contestants/contestant.ts';
import { spreadOver } from '../measure/trial.ts';
import type { Results, SectionResults } from '../results.ts';
import { ratio } from './texts.ts';

/** One workload in one section, and how its contenders came out. */
export type Contest = {
  readonly section: SectionResults;
  readonly workload: SectionResults['cells'][number]['cell']['workload'];
  /** Best first: by requests a second, or by p99 where the rate was fixed. */
  readonly ranking: readonly { readonly strategy: Strategy; readonly figure: number; readonly failed: boolean }[];
  /** The best by the second, at least 1. */
  readonly lead: number;
};

/** Less is a draw. */
const drawLead = 1.05;

/** At the rates of a section of latencies, who could not keep up comes last. */
export function contestsOf({ sections, recommendation }: Results): readonly Contest[] {
  return sections.flatMap((section) => {
    const byWorkload = new Map<string, SectionResults['cells'][number][]>();
    for (const one of section.cells) {
      const { contestant, workload } = one.cell;
      const isOtherLayout =
        section.conditions.emulatedCores === null &&
        contestant.strategy === 'partitioned' &&
        (contestant.fronts !== recommendation?.routers || contestant.backs !== recommendation.shards);
      if (!isMeantDurable(contestant) || isOtherLayout) continue;
      byWorkload.set(workloadName(workload), [...(byWorkload.get(workloadName(workload)) ?? []), one]);
    }
    return [...byWorkload.values()].filter((cells) => cells.length > 1).map((cells) => contestOf(section, cells));
  });
}

function contestOf(section: SectionResults, cells: readonly SectionResults['cells'][number][]): Contest {
  const { workload } = (cells[0] as (typeof cells)[number]).cell;
  const isLatency = workload.rate > 0;
  const ranking = cells
    .map(({ cell, trials }) => ({
      strategy: cell.contestant.strategy,
      figure: spreadOver(trials, (trial) => (isLatency ? trial.p99Ms : trial.requestsPerS)).median,
      failed: spreadOver(trials, (trial) => trial.errors).median > 0,
    }))
    .sort((a, b) => Number(a.failed) - Number(b.failed) || (isLatency ? a.figure - b.figure : b.figure - a.figure));
  const [first, second] = ranking as [(typeof ranking)[number], (typeof ranking)[number]];
  return { section, workload, ranking, lead: isLatency ? second.figure / first.figure : first.figure / second.figure };
}

/** For each strategy that wins anywhere, a sentence of where. */
export function winsInWords(results: Results): readonly string[] {
  const contests = contestsOf(results);
  const sentences = (Object.keys(strategies) as Strategy[]).flatMap((strategy) => {
    const won = contests.filter(({ ranking, lead }) => ranking[0]?.strategy === strategy && lead >= drawLead);
    if (won.length === 0) return [];
    const places = won.map((one) => `${placeOf(one)} (${ratio(one.lead)} ×)`);
    return [
      `**${capital(strategies[strategy].title)}** wins ${won.length} of ${contests.length}: ${places.join('; ')}.`,
    ];
  });
  const draws = contests.filter(({ lead }) => lead < drawLead);
  if (draws.length === 0) return sentences;
  const drawn = draws.map(
    (one) =>
      `${placeOf(one)} (${one.ranking
        .slice(0, 2)
        .map(({ strategy }) => strategies[strategy].title)
        .join(' / ')})`,
  );
  return [...sentences, `**Nobody**, within 5 %: ${drawn.join('; ')}.`];
}

function placeOf({ section, workload }: Contest): string {
  const place = section.conditions.emulatedCores === null ? '' : ` on ${section.title}`;
  return `${workloadTitle(workload)}${place}${section.name === 'memory' ? ' under 384 MiB' : ''}`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
