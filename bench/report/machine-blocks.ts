/** What the figures depend on, as a part of the report. Pure. */

import { spreadOver } from '../measure/trial.ts';
import type { Results } from '../results.ts';
import type { Block } from './document.ts';

/** From about here on, what others take moves the ratios visibly. */
const disturbingShare = 0.05;

export function machineBlocks({ machine, sections, seed }: Results): Block[] {
  const { cores, cpu, memoryBytes, system, node, sqlite, redis, disk } = machine;
  const trials = sections.flatMap(({ cells }) => cells).flatMap((cell) => cell.trials);
  const load = trials.length === 0 ? null : spreadOver(trials, ({ cpuUs }) => cpuUs['load'] ?? 0);
  return [
    { kind: 'heading', text: 'The machine, and what is fair' },
    {
      kind: 'list',
      items: [
        `${cores} cores of ${cpu}, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB, ${system}.`,
        `Node ${node}, SQLite ${sqlite}${redis === null ? ', no Redis' : `, Redis ${redis}`}.`,
        disk.isMemory
          ? 'The disk is a memory file system: nothing on it is durable. Name a directory on a disk in TMPDIR.'
          : `A write of 4 KiB and fdatasync took ${disk.syncMs.toFixed(2)} ms (median of 200).`,
        'Durability is the same for all that are durable: WAL and synchronous=FULL, read back by each process that opens a file; Redis with appendonly and appendfsync always.',
        'All strategies have the same cores, shared with the load generator, and serve the same REST app; they differ in what stands behind it. SQLite clones cannot hold their file exclusively, which makes each read cost more: that belongs to cloning.',
        `The load generator is one thread in C${load === null ? '' : `: ${load.median.toFixed(1)} µs of CPU a request (median of all trials)`}. Every value is another one, in each of its pages.`,
        othersSentence(trials),
        `Seed ${seed}.`,
      ],
    },
  ];
}

export function othersSentence(trials: readonly { readonly othersShare: number }[]): string {
  const shares = trials.map(({ othersShare }) => othersShare).sort((a, b) => a - b);
  const percent = (at: number) =>
    `${(100 * (shares[Math.min(shares.length - 1, Math.floor(at * shares.length))] ?? 0)).toFixed(0)} %`;
  const median = shares[shares.length >> 1] ?? 0;
  const verdict = median > disturbingShare ? ' The figures are disturbed: run it again on a quiet machine.' : '';
  return `Other programs had ${percent(0.5)} of the CPU meanwhile (median of all trials; ${percent(0.9)} in the worst tenth).${verdict}`;
}
