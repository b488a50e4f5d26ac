/** Which strategy wins where, in plain words. Only those that keep an acknowledged write compete. Pure. */

import { readWays } from '../../src/config/service-config.ts';
import { workloadName, workloadTitle } from '../cells/cell.ts';
import { isMeantDurable, isPartitioned, nameOf, type Strategy, strategies } from '../contestants/contestant.ts';
import { spreadOver } from '../measure/trial.ts';
import { bestLayoutOf } from '../recommendation.ts';
import type { Results, SectionResults } from '../results.ts';
import { ratio } from './texts.ts';

/** One workload in one section, and how its contenders came out. */
export type Contest = {
  readonly section: SectionResults;
  readonly workload: SectionResults['cells'][number]['cell']['workload'];
  /** Best first: by requests a second, or by p99 where the rate was fixed. */
  readonly ranking: readonly { readonly strategy: Strategy; readonly figure: number; readonly failed: boolean }[];
  readonly winner: Winner;
  /** The best by the second, at least 1. What forwards reads and what does not are one here: they differ in a setting. */
  readonly lead: number;
};

/** Both forms of the partitioned strategy where they are even. */
export type Winner = Strategy | 'partitioned-either';

export const winnerTitles: Readonly<Record<Winner, string>> = {
  'partitioned-either': 'partitioned, either way of reading',
  ...(Object.fromEntries(Object.entries(strategies).map(([strategy, { title }]) => [strategy, title])) as Record<
    Strategy,
    string
  >),
};

/** Less is a draw. */
export const drawLead = 1.05;

/** At the rates of a section of latencies, who could not keep up comes last. */
export function contestsOf({ sections }: Results): readonly Contest[] {
  // Both sections have the plainest workloads; those of the first are beside naive strategies, too.
  const repeated = new Set(
    sections.find(({ name }) => name === 'workloads')?.cells.map(({ cell }) => workloadName(cell.workload)),
  );
  const chosen = new Set(
    readWays.flatMap((reads) => {
      const layout = bestLayoutOf(sections, reads);
      return layout === undefined ? [] : [nameOf(layout)];
    }),
  );
  return sections.flatMap((section) => {
    const byWorkload = new Map<string, SectionResults['cells'][number][]>();
    for (const one of section.cells) {
      const { contestant, workload } = one.cell;
      const isOtherLayout =
        section.conditions.emulatedCores === null && isPartitioned(contestant) && !chosen.has(nameOf(contestant));
      const isRepeated = section.name === 'strategies' && repeated.has(workloadName(workload));
      if (!isMeantDurable(contestant) || isOtherLayout || isRepeated) continue;
      byWorkload.set(workloadName(workload), [...(byWorkload.get(workloadName(workload)) ?? []), one]);
    }
    return [...byWorkload.values()].flatMap((cells) => contestOf(section, cells));
  });
}

/** None where all are of one kind. */
function contestOf(section: SectionResults, cells: readonly SectionResults['cells'][number][]): readonly Contest[] {
  const { workload } = (cells[0] as (typeof cells)[number]).cell;
  const isLatency = workload.rate > 0;
  const ranking = cells
    .map(({ cell, trials }) => ({
      strategy: cell.contestant.strategy,
      figure: spreadOver(trials, (trial) => (isLatency ? trial.p99Ms : trial.requestsPerS)).median,
      failed: spreadOver(trials, (trial) => trial.errors).median > 0,
    }))
    .sort((a, b) => Number(a.failed) - Number(b.failed) || (isLatency ? a.figure - b.figure : b.figure - a.figure));
  const [first] = ranking as [(typeof ranking)[number]];
  const leadOver = ({ figure }: (typeof ranking)[number]) =>
    isLatency ? figure / first.figure : first.figure / figure;
  const second = ranking.find((one) => one !== first && !(isPartitioned(one) && isPartitioned(first)));
  if (second === undefined) return [];
  const otherForm = ranking.find((one) => one !== first && isPartitioned(one) && isPartitioned(first));
  const isEitherForm = otherForm !== undefined && otherForm.failed === first.failed && leadOver(otherForm) < drawLead;
  const winner = isEitherForm ? 'partitioned-either' : first.strategy;
  return [{ section, workload, ranking, winner, lead: leadOver(second) }];
}

/** More would not be read. */
const placesNamed = 7;

/** For each that wins anywhere on this machine, a sentence of where; for emulated cores, which have a map, of how often. */
export function winsInWords(results: Results): readonly string[] {
  const all = contestsOf(results);
  const here = all.filter(({ section }) => section.conditions.emulatedCores === null);
  const emulated = all.filter(({ section }) => section.conditions.emulatedCores !== null);
  const sentences = (Object.keys(winnerTitles) as Winner[]).flatMap((winner) => {
    const [won, wonThere] = [wonBy(winner, here), wonBy(winner, emulated)];
    if (won.length + wonThere.length === 0) return [];
    const onEmulated =
      wonThere.length === 0 ? [] : [`${wonThere.length} of ${emulated.length} on emulated cores: ${named(wonThere)}.`];
    const onThese = won.length === 0 ? [] : [`${won.length} of ${here.length} here: ${named(won)}.`];
    return [`**${capital(winnerTitles[winner])}** wins ${[...onThese, ...onEmulated].join(' And ')}`];
  });
  const draws = all.filter(({ lead }) => lead < drawLead).length;
  return draws === 0
    ? sentences
    : [...sentences, `In ${draws} of ${all.length} the first and the second are within 5 %: even.`];
}

/** The clearest first. */
function wonBy(winner: Winner, contests: readonly Contest[]): readonly Contest[] {
  const won = contests.filter((one) => one.winner === winner && one.lead >= drawLead);
  return won.sort((a, b) => b.lead - a.lead);
}

function named(contests: readonly Contest[]): string {
  const places = contests.slice(0, placesNamed).map((one) => `${placeOf(one)} (${ratio(one.lead)} ×)`);
  const more = contests.length - places.length;
  return `${places.join('; ')}${more > 0 ? `; and ${more} more by less` : ''}`;
}

function placeOf({ section, workload }: Contest): string {
  const count = section.conditions.emulatedCores;
  const place = count === null ? '' : `, ${count} core${count === 1 ? '' : 's'}`;
  return `${workloadTitle(workload)}${place}${section.name === 'memory' ? ' under 384 MiB' : ''}`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
