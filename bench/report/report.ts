/** The report of a run, block by block. Pure. */

import { dataSets, idOf, workloadName, workloadTitle } from '../cells/cell.ts';
import { nameOf, type strategies, titleOf } from '../contestants/contestant.ts';
import { cpuUsOf, spreadOver, type Trial } from '../measure/trial.ts';
import { commandOf } from '../recommendation.ts';
import type { Results, SectionResults } from '../results.ts';
import { comparison, contestantsIn, throughputText, trialsIn, workloadsIn } from './comparison.ts';
import { correctnessBlocks } from './correctness-blocks.ts';
import type { Block, Document } from './document.ts';
import { winsInWords } from './findings.ts';
import { machineBlocks } from './machine-blocks.ts';
import { plotsOf } from './plots.ts';
import { count, milliseconds, ratio, withScatter } from './texts.ts';

export function reportOf(results: Results): Document {
  const plots = plotsOf(results);
  const plotBlock = (plot: (typeof plots)['cpu']): Block[] => (plot === undefined ? [] : [{ kind: 'plot', ...plot }]);
  // Single cells have a table of their own: those of whole sections would be nearly empty.
  const isWhole = results.scale !== 'cells';
  const section = (name: string) => (isWhole ? results.sections.find((one) => one.name === name) : undefined);
  return {
    title: 'Partitioned against cloned: what was measured',
    blocks: [
      ...introduction(results),
      ...targetBlocks(results),
      { kind: 'heading', text: 'Who wins where' },
      ...plotBlock(plots.verdict),
      {
        kind: 'paragraph',
        text: 'Among strategies that keep every acknowledged write. By requests a second at saturation, and by the 99th percentile of latency where a rate is given; the number is the lead over the second.',
      },
      { kind: 'list', items: winsInWords(results) },
      ...recommendationBlocks(results),
      ...strategyBlocks(section('strategies'), results),
      ...plotBlock(plots.cpu),
      ...workloadBlocks(section('workloads')),
      ...latencyBlocks(section('latency')),
      ...plotBlock(plots.latency),
      ...memoryBlocks(section('memory')),
      ...(isWhole ? coresBlocks(results) : []),
      ...plotBlock(plots.cores),
      ...plotBlock(plots.crossover),
      ...(isWhole ? [] : cellBlocks(results)),
      ...correctnessBlocks(results),
      ...machineBlocks(results),
      ...commandBlocks(results),
    ],
  };
}

function introduction({ scale, commit, startedAt, tookMs, command, machine, skipped }: Results): Block[] {
  const took = tookMs < 120_000 ? `${Math.round(tookMs / 1_000)} s` : `${Math.round(tookMs / 60_000)} min`;
  return [
    {
      kind: 'paragraph',
      text: `One key–value service, one REST app, several ways to use the cores of one machine. Made by \`${command}\` (${scale}) on ${startedAt.slice(0, 10)} from commit ${commit ?? 'unknown'}, in ${took}, on ${machine.cores} cores of ${machine.cpu}. Figures are medians of at least 5 interleaved trials; ± is half the distance between the extremes.`,
    },
    ...(skipped.length === 0
      ? []
      : [{ kind: 'list' as const, items: skipped.map(({ what, why }) => `Left out: ${what}: ${why}`) }]),
  ];
}

function targetBlocks({ targets }: Results): Block[] {
  const measured = targets.filter(({ reached }) => reached !== null);
  if (measured.length === 0) return [];
  return [
    { kind: 'heading', text: 'Targets' },
    {
      kind: 'paragraph',
      text: 'Ratios of the partitioned strategy to another, taken within each round; the median decides. Each way of reading has the numbers of routers and shards that did best at `GET` and `PUT` in this run; at 8 emulated cores 4 and 4, and with direct reads 8 and 4.',
    },
    {
      kind: 'table',
      columns: ['target', 'wanted', 'median', 'min–max', ''],
      rows: measured.map(({ title, bound, wanted, ratio: found, reached }) => [
        title,
        `${bound === 'at least' ? '≥' : '≤'} ${wanted}`,
        found === null ? '–' : `**${ratio(found.median)}**`,
        found === null ? '–' : `${ratio(found.min)}–${ratio(found.max)}`,
        reached ? 'reached' : 'not reached',
      ]),
    },
  ];
}

function recommendationBlocks({ recommendation }: Results): Block[] {
  if (recommendation === null) return [];
  return [
    { kind: 'heading', text: 'For this machine' },
    { kind: 'paragraph', text: `Take \`${commandOf(recommendation)}\`. ${recommendation.why}` },
  ];
}

function strategyBlocks(section: SectionResults | undefined, { memory }: Results): Block[] {
  if (section === undefined) return [];
  const { cells } = section;
  const figure = (trials: readonly Trial[] | undefined, of: (trials: readonly Trial[]) => string) =>
    trials === undefined ? '–' : of(trials);
  const median = (of: (trial: Trial) => number, text: (value: number) => string) => (trials: readonly Trial[]) =>
    text(spreadOver(trials, of).median);
  const throughput = (trials: readonly Trial[]) => withScatter(spreadOver(trials, (trial) => trial.requestsPerS));
  const rows = contestantsIn(cells).map((contestant) => {
    const [get, put, slow] = ['get', 'put', 'put-disk5ms'].map((workload) => trialsIn(cells, contestant, workload));
    const bytes = Object.values(
      memory.find((one) => one.section === section.name && one.contestant === nameOf(contestant))?.bytes ?? {},
    );
    return [
      titleOf(contestant),
      figure(get, throughput),
      figure(
        get,
        median((trial) => trial.p99Ms, milliseconds),
      ),
      figure(
        get,
        median(cpuUsOf, (us) => us.toFixed(1)),
      ),
      figure(put, throughput),
      figure(
        put,
        median((trial) => trial.p99Ms, milliseconds),
      ),
      figure(
        put,
        median(cpuUsOf, (us) => us.toFixed(1)),
      ),
      figure(
        put,
        median(
          ({ requestsPerS, syncs }) => (syncs === 0 ? 0 : (requestsPerS * section.seconds) / syncs),
          (writes) => (writes === 0 ? '–' : writes.toFixed(1)),
        ),
      ),
      figure(slow, throughput),
      count(bytes.reduce((sum, one) => sum + one, 0) / 2 ** 20),
    ];
  });
  return [
    { kind: 'heading', text: 'Strategies' },
    {
      kind: 'paragraph',
      text: `Values of 100 bytes under ${count(dataSets['100B'].keys)} uniform keys, 64 connections, saturation: each connection sends its next request when the last one is answered. CPU is µs a request over all processes of a contestant; memory is their proportional set size after the section, in MiB.`,
    },
    {
      kind: 'table',
      columns: [
        '',
        'GET/s',
        'p99 ms',
        'CPU µs',
        'PUT/s',
        'p99 ms',
        'CPU µs',
        'PUTs a sync',
        'PUT/s, 5 ms a sync',
        'memory',
      ],
      rows,
    },
  ];
}

function workloadBlocks(section: SectionResults | undefined): Block[] {
  if (section === undefined) return [];
  return [
    { kind: 'heading', text: 'Workloads' },
    {
      kind: 'paragraph',
      text: 'Requests a second at saturation. What is not said is as above: uniform keys, 100 bytes, 64 connections. Zipfian keys follow YCSB (constant 0.99, scattered); there are 20,000 keys of 1 KiB and 4,000 of 16 KiB.',
    },
    comparison(section.cells, (trial) => trial.requestsPerS, throughputText, 'highest'),
  ];
}

function latencyBlocks(section: SectionResults | undefined): Block[] {
  if (section === undefined) return [];
  const latencies = (trials: readonly Trial[]) =>
    [(trial: Trial) => trial.p50Ms, (trial: Trial) => trial.p99Ms, (trial: Trial) => trial.p999Ms]
      .map((of) => milliseconds(spreadOver(trials, of).median))
      .join(' / ') + (spreadOver(trials, ({ errors }) => errors).median > 0 ? ' (*)' : '');
  return [
    { kind: 'heading', text: 'Latency at a fixed rate' },
    {
      kind: 'paragraph',
      text: 'p50 / p99 / p99.9 in ms. Requests have intended start times (Poisson arrivals); a latency counts from there, also when no connection was free: no coordinated omission. (*) did not keep up: requests were still waiting at the end.',
    },
    comparison(section.cells, (trial) => trial.p99Ms, latencies, 'lowest'),
  ];
}

function memoryBlocks(section: SectionResults | undefined): Block[] {
  if (section === undefined) return [];
  return [
    { kind: 'heading', text: 'Data larger than memory' },
    {
      kind: 'paragraph',
      text: '32,000 values of 16 KiB, 512 MiB in all; the processes of each contestant, with the system’s cache of their files, have 384 MiB together (a control group). Redis is not among them: its data has to fit in memory.',
    },
    comparison(section.cells, (trial) => trial.requestsPerS, throughputText, 'highest'),
  ];
}

function coresBlocks({ sections, emulatedCore }: Results): Block[] {
  const curve = sections.filter(({ name }) => name.startsWith('cores-'));
  if (curve.length === 0) return [];
  const about =
    emulatedCore === null
      ? 'On the real cores of this machine.'
      : `Each process may use ${ratio(emulatedCore)} of a real core (CPU quotas of control groups), so that eight leave the load generator one of its own. Clones: one a core; with Redis, one core is Redis’s; partitioned: half routers, half shards; with direct reads, a router a core and half as many shards. All processes of a contestant together get no more than its cores: a group around them caps them. A quota is not a core: a process that has used up its share stops in the middle of what it does, a holder of SQLite’s write lock too, and clones that wait for it wait longer than on real cores.`;
  return [
    { kind: 'heading', text: 'Beyond this machine: more cores, slower disks' },
    {
      kind: 'paragraph',
      text: `${about} A slower disk is emulated by making each fsync and fdatasync take at least so long; syncs of several files go on side by side, as on solid-state and network disks.`,
    },
    {
      kind: 'table',
      columns: [
        '',
        'cores',
        'cloned, group commit',
        'cloned, Redis',
        'partitioned',
        'partitioned, direct reads',
        'partitioned ÷ cloned',
        'direct reads ÷ cloned',
        'cell',
      ],
      rows: curve.flatMap(({ name, cells }) =>
        workloadsIn(cells).map((workload) => {
          const of = (strategy: keyof typeof strategies) => {
            const found = cells.find(
              ({ cell }) =>
                cell.contestant.strategy === strategy && workloadName(cell.workload) === workloadName(workload),
            );
            return found === undefined ? null : spreadOver(found.trials, (trial) => trial.requestsPerS);
          };
          const all = [of('cloned-group'), of('cloned-redis'), of('partitioned'), of('partitioned-direct')];
          const best = Math.max(...all.map((one) => one?.median ?? 0));
          const texts = all.map((one) =>
            one === null ? '–' : one.median === best ? `**${withScatter(one)}**` : withScatter(one),
          );
          const [group, , ...forms] = all;
          const leads = forms.map((form) => (group && form ? `${ratio(form.median / group.median)} ×` : '–'));
          return [
            workloadTitle(workload),
            name.slice('cores-'.length),
            ...texts,
            ...leads,
            `\`${name}/${workloadName(workload)}\``,
          ];
        }),
      ),
    },
  ];
}

/** Of a run of single cells. */
function cellBlocks({ sections }: Results): Block[] {
  return sections.flatMap(({ cells, title }) => [
    { kind: 'heading' as const, text: title },
    comparison(cells, (trial) => trial.requestsPerS, throughputText, 'highest'),
    comparison(
      cells,
      (trial) => trial.p99Ms,
      (trials) => `p99 ${milliseconds(spreadOver(trials, (trial) => trial.p99Ms).median)} ms`,
      'lowest',
    ),
  ]);
}

function commandBlocks({ sections, correctness }: Results): Block[] {
  const ids = [
    ...sections.flatMap(({ cells }) => cells.map(({ cell }) => idOf(cell))),
    ...correctness.map(({ contestant }) => `correctness/${contestant}`),
  ];
  return [
    { kind: 'heading', text: 'Run one cell again' },
    {
      kind: 'paragraph',
      text: 'Each cell starts its contestant anew, stores the keys, and is driven five times. `--cell` may be given several times: cells of one section run interleaved.',
    },
    {
      kind: 'commands',
      title: `The commands of all ${ids.length} cells`,
      lines: ids.map((id) => `npm run bench -- --cell ${id}`),
    },
  ];
}
