/** What the judge found, as a part of the report. Pure. */

import { contestantOf } from '../cells/cell.ts';
import { titleOf } from '../contestants/contestant.ts';
import type { ReadsMeanwhile } from '../judge/outage.ts';
import type { Correctness } from '../measure/correctness.ts';
import type { Results } from '../results.ts';
import type { Block } from './document.ts';
import { count, milliseconds } from './texts.ts';

export function correctnessBlocks({ correctness }: Results): Block[] {
  if (correctness.length === 0) return [];
  return [
    { kind: 'heading', text: 'Correctness' },
    {
      kind: 'paragraph',
      text: 'Judged from what clients saw, request by request. A **stale read** returned a value that was known to be overwritten when the read was sent; a **lost update** is a key whose last acknowledged value was gone at the end; a **lost increment** was acknowledged with a number that another one was told, too. An **invented value** was never written. None of these can come from an unlucky order of requests.',
    },
    {
      kind: 'table',
      columns: ['', 'requests', 'stale reads', 'lost updates', 'invented values', 'lost increments', 'verdict'],
      rows: correctness.map(({ contestant, registers, counters }) => [
        titleOfName(contestant),
        count(registers.requests + counters.requests),
        count(registers.staleReads),
        count(registers.lostUpdates),
        count(registers.inventedValues),
        count(counters.lostIncrements),
        isWrong({ registers, counters }) ? '**wrong**' : 'right',
      ]),
    },
    {
      kind: 'paragraph',
      text: 'And with `kill -9` of one worker (a shard, a clone, or the one process) after a third of the time, at half the rate. An error is an answer with an error, none within two seconds, or a broken connection; the gap is the longest time in which no client had any answer. Where keys are the killed worker’s alone: how many reads of them, from its death until it took a write again, were answered within 50 ms.',
    },
    {
      kind: 'table',
      columns: [
        '',
        'killed',
        'requests',
        'errors',
        'longest gap ms',
        'stale reads',
        'lost updates',
        'its keys read within 50 ms',
        'all keys served again',
      ],
      rows: correctness.map(({ contestant, kill }) => [
        titleOfName(contestant),
        kill.killed,
        count(kill.requests),
        count(kill.errors),
        milliseconds(kill.longestGapMs),
        count(kill.verdict.staleReads),
        count(kill.verdict.lostUpdates),
        readsText(kill.readsMeanwhile),
        kill.recovered ? 'yes' : '**no**',
      ]),
    },
    {
      kind: 'paragraph',
      text: 'Durability, asked of the system: one client wrote one key after the other, and the calls of fsync and fdatasync were counted in the C library. Each acknowledged write must have had one of its own.',
    },
    {
      kind: 'table',
      columns: ['', 'writes', 'syncs', 'verdict'],
      rows: correctness.map(({ contestant, durability }) =>
        durability === null
          ? [titleOfName(contestant), '–', '–', 'not meant to be durable']
          : [
              titleOfName(contestant),
              count(durability.writes),
              count(durability.syncs),
              durability.durable ? 'durable' : '**not durable**',
            ],
      ),
    },
  ];
}

function readsText(meanwhile: ReadsMeanwhile | null): string {
  return meanwhile === null ? '–' : `${count(meanwhile.inTime)} of ${count(meanwhile.reads)}`;
}

export function isWrong({ registers, counters }: Pick<Correctness, 'registers' | 'counters'>): boolean {
  const { staleReads, lostUpdates, inventedValues } = registers;
  return staleReads + lostUpdates + inventedValues + counters.lostIncrements > 0;
}

export function titleOfName(name: string): string {
  const contestant = contestantOf(name);
  return contestant === undefined ? name : titleOf(contestant);
}
