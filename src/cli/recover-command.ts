/** `shardctl recover`: what is wrong with a stopped data directory, and the ways on from there. */

import { existsSync } from 'node:fs';
import { askService, ServiceUnreachable } from '../admin/admin-client.ts';
import { CannotRecover, Recovery } from '../primary/recovery.ts';
import type { Findings, ShardFinding } from '../primary/recovery-findings.ts';
import { agreementTo } from './agreement.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { printLine } from './output.ts';
import { bytesText, countOf, countText } from './quantity.ts';
import { type Column, tableOf } from './table.ts';

type RecoverOptions = {
  readonly data: string;
  readonly rebuild?: boolean;
  readonly acceptLoss?: readonly string[];
  readonly yes?: boolean;
  readonly json?: boolean;
};

export async function recoverCommand(options: RecoverOptions): Promise<void> {
  const { data, rebuild = false, acceptLoss = [], json } = options;
  await refuseRunning(data);
  const say = json ? () => {} : printLine;
  // Looking at a directory that is not there would make it.
  if (!existsSync(data))
    throw new CliFailure(exitCodes.failed, `There is no ${data}. Name the data directory with --data.`);
  const recovery = await reported(async () => new Recovery(data));
  const done: string[] = [];
  await reported(async () => {
    const found = recovery.findings();
    say(findingsText(found));
    if (rebuild && found.meta !== 'fits') {
      await agree(options, 'This makes a new meta.sqlite. Weights that only the old one had become 1.');
      recovery.rebuild();
      done.push('A new meta.sqlite was made from the files of the shards.');
    }
    for (const text of acceptLoss) done.push(await acceptOne(recovery, shardOf(text), options));
  });
  for (const sentence of done) say(sentence);
  const after = await reported(async () => recovery.findings());
  if (json) printLine(JSON.stringify({ ...after, ring: after.ring.describe(), done }));
  if (!isSound(after)) throw new CliFailure(exitCodes.failed, waysOn(after));
  say('Every file fits: you can start the service.');
}

async function acceptOne(recovery: Recovery, shard: number, options: RecoverOptions): Promise<string> {
  const finding = recovery.findings().shards.find((one) => one.shard === shard);
  const slots = countOf(finding?.slots ?? 0, 'slot');
  await agree(options, `What is missing of shard ${shard} (${slots}) is lost for good.`);
  const { keys } = recovery.acceptLoss(shard);
  return `LOSS ACCEPTED: shard ${shard} continues with ${countOf(keys, 'key')} in its ${slots}. All other keys of these slots are lost.`;
}

async function agree({ yes, json }: RecoverOptions, what: string): Promise<void> {
  if (yes) return;
  const answer = await agreementTo(`${what} Go ahead?`, json ? process.stderr : process.stdout);
  if (answer === undefined) throw new CliFailure(exitCodes.usage, `${what} There is no terminal to ask on. Use --yes.`);
  if (!answer) throw new CliFailure(exitCodes.failed, 'Nothing was changed: answer y, or use --yes.');
}

async function reported<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CannotRecover)) throw error;
    throw new CliFailure(exitCodes.failed, error.message, { cause: error });
  }
}

/** @throws CliFailure */
async function refuseRunning(data: string): Promise<void> {
  try {
    await askService(data, 'GET', '/v1/status');
  } catch (error) {
    if (error instanceof ServiceUnreachable) return;
    throw error;
  }
  throw new CliFailure(exitCodes.failed, `A service runs on ${data}. Run \`shardctl stop\` first.`);
}

function shardOf(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new CliFailure(exitCodes.usage, `--accept-loss is ${JSON.stringify(text)}, but must be the number of a shard.`);
}

function isSound({ meta, shards }: Findings): boolean {
  return meta === 'fits' && shards.every(({ problem }) => problem === null);
}

const columns: readonly Column<ShardFinding>[] = [
  { title: 'shard', align: 'left', cell: ({ shard }) => `shard-${shard}` },
  { title: 'slots', align: 'right', cell: ({ slots }) => countText(slots) },
  { title: 'keys', align: 'right', cell: ({ keys }) => (keys === null ? '–' : countText(keys)) },
  { title: 'bytes', align: 'right', cell: ({ bytes }) => (bytes === null ? '–' : bytesText(bytes)) },
  { title: 'file', align: 'left', cell: ({ problem }) => (problem === null ? 'fits' : 'does not fit') },
];

const metaTexts = {
  fits: 'meta.sqlite fits the files of the shards.',
  missing: 'meta.sqlite is missing or cannot be read.',
  older: 'meta.sqlite is an older copy: the files of the shards have a newer ring.',
} as const;

function findingsText({ ring, meta, shards, strays }: Findings): string {
  return [
    tableOf(columns, shards),
    '',
    `The newest ring in any file has epoch ${ring.epoch}. ${metaTexts[meta]}`,
    ...shards.flatMap(({ problem }) => problem ?? []),
    ...strays.map((path) => `${path} belongs to no shard of this service: it is left unchanged.`),
  ].join('\n');
}

function waysOn({ meta, shards }: Findings): string {
  const wrong = shards.filter(({ problem }) => problem !== null).map(({ shard }) => shard);
  return [
    'Not every file fits: see above. If you have the right files, put them back.',
    ...(meta === 'fits' ? [] : ['`shardctl recover --rebuild` makes a new meta.sqlite from the files of the shards.']),
    ...wrong.map((id) => `\`shardctl recover --accept-loss ${id}\` continues with what is left of shard ${id}.`),
  ].join(' ');
}
