/** `shardctl add-shard`, `remove-shard`, `rebalance`: show the plan, ask, begin, and follow what happens. */

import { createInterface } from 'node:readline/promises';
import type { ChangePlan, ChangeWish, ShardPlan } from '../primary/change-plan.ts';
import { askService } from './admin-client.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { followChange } from './follow-change.ts';
import { bytesText, countText, durationText } from './quantity.ts';
import { type Column, tableOf } from './table.ts';

export type TopologyOptions = {
  readonly data: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
};

export async function addShardCommand({
  count,
  weight,
  ...options
}: TopologyOptions & { count?: string; weight?: string }): Promise<void> {
  await changeTopology(options, {
    kind: 'add-shard',
    ...(count === undefined ? {} : { count: numberOf(count, '--count') }),
    ...(weight === undefined ? {} : { weight: numberOf(weight, '--weight') }),
  });
}

export async function removeShardCommand(id: string, options: TopologyOptions): Promise<void> {
  await changeTopology(options, { kind: 'remove-shard', shard: numberOf(id.replace(/^shard-/, ''), 'ID') });
}

export async function rebalanceCommand({
  weight = [],
  ...options
}: TopologyOptions & { weight?: string[] }): Promise<void> {
  const weights = weight.map((pair): [number, number] => {
    const [shard, value] = pair.split('=');
    return [numberOf(shard ?? '', '--weight'), numberOf(value ?? '', '--weight')];
  });
  await changeTopology(options, { kind: 'rebalance', weights });
}

export async function changeTopology(options: TopologyOptions, wish: ChangeWish): Promise<void> {
  const plan = (await askForChange(options.data, '/v1/plan', wish)) as ChangePlan;
  if (options.json) console.log(JSON.stringify({ event: 'plan', ...plan }));
  else console.log(planText(plan));
  if (options.dryRun) return;
  if (plan.slotsMoved === 0) {
    if (!options.json) console.log('Nothing has to move: the ring is as it should be.');
    return;
  }
  if (!(await isAgreed(options))) throw new CliFailure(exitCodes.failed, 'Nothing was changed.');
  const { id } = (await askForChange(options.data, '/v1/changes', { ...wish, epoch: plan.epoch })) as { id: number };
  await followChange(options.data, id, options.json ?? false);
}

async function askForChange(data: string, path: string, wish: ChangeWish): Promise<unknown> {
  const { status, body } = await askService(data, 'POST', path, wish);
  if (status < 300) return body;
  throw new CliFailure(status === 400 ? exitCodes.usage : exitCodes.failed, (body as { detail: string }).detail);
}

/** On a terminal somebody is asked; elsewhere nobody can answer, so --yes must have been said. */
async function isAgreed({ yes, json }: TopologyOptions): Promise<boolean> {
  if (yes) return true;
  if (json || !process.stdin.isTTY || !process.stdout.isTTY) {
    throw new CliFailure(
      exitCodes.usage,
      'Say --yes to go ahead, or --dry-run to see the plan alone: there is no terminal to ask on.',
    );
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question('Go ahead? [y/N] ');
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

const columns: readonly Column<ShardPlan>[] = [
  { title: 'shard', align: 'left', cell: ({ id }) => `shard-${id}` },
  {
    title: 'slots',
    align: 'right',
    cell: ({ slotsBefore, slotsAfter }) => `${countText(slotsBefore)} → ${countText(slotsAfter)}`,
  },
  {
    title: 'keys',
    align: 'right',
    cell: ({ keysBefore, keysAfter }) => `${countText(keysBefore)} → ${countText(keysAfter)}`,
  },
  {
    title: 'bytes',
    align: 'right',
    cell: ({ bytesBefore, bytesAfter }) => `${bytesText(bytesBefore)} → ${bytesText(bytesAfter)}`,
  },
];

function planText({
  shards,
  slotsMoved,
  keysMoved,
  bytesMoved,
  diskBytesNeeded,
  estimatedMs,
  epoch,
}: ChangePlan): string {
  return [
    tableOf(columns, shards),
    '',
    `moves      ${countText(slotsMoved)} slots, about ${countText(keysMoved)} keys, ${bytesText(bytesMoved)}`,
    `takes      about ${durationText(estimatedMs)} beside clients; less without`,
    `disk       ${bytesText(diskBytesNeeded)} more until the old rows are purged`,
    `plan of    epoch ${epoch}`,
    '',
  ].join('\n');
}

function numberOf(text: string, what: string): number {
  if (!/^\d+$/.test(text))
    throw new CliFailure(exitCodes.usage, `${what} is ${JSON.stringify(text)}, but must be a whole number.`);
  return Number(text);
}
