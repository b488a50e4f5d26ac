/** `shardctl add-shard`, `remove-shard`, `rebalance`, `plan`, `apply`: show the plan, ask, begin the change, follow it. */

import { writeFile } from 'node:fs/promises';
import { readText } from '../config/read-text.ts';
import type { ChangePlan, ShardPlan } from '../rebalance/change-plan.ts';
import type { ChangeRequest } from '../rebalance/topology-change.ts';
import { agreementTo } from './agreement.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { followChange } from './follow-change.ts';
import { printLine } from './output.ts';
import { bytesText, countOf, countText, durationText } from './quantity.ts';
import { answerOf } from './service-answer.ts';
import { type Column, tableOf } from './table.ts';

export type TopologyOptions = {
  readonly data: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
};

export type WishOptions = { readonly count?: string; readonly weight?: string | readonly string[] };

export async function addShardCommand(options: TopologyOptions & WishOptions): Promise<void> {
  await changeTopology(options, requestOf('add-shard', undefined, options));
}

export async function removeShardCommand(id: string, options: TopologyOptions): Promise<void> {
  await changeTopology(options, requestOf('remove-shard', id, {}));
}

export async function rebalanceCommand(options: TopologyOptions & WishOptions): Promise<void> {
  await changeTopology(options, requestOf('rebalance', undefined, options));
}

/** Shows the plan and changes nothing. `--out` keeps it for `apply`. */
export async function planCommand(
  change: string,
  id: string | undefined,
  { data, out, json, ...options }: TopologyOptions & WishOptions & { out?: string },
): Promise<void> {
  if (change !== 'add-shard' && change !== 'remove-shard' && change !== 'rebalance') {
    throw new CliFailure(
      exitCodes.usage,
      `A plan is for add-shard, remove-shard or rebalance, not for ${JSON.stringify(change)}.`,
    );
  }
  if (change !== 'remove-shard' && id !== undefined) {
    throw new CliFailure(exitCodes.usage, `Only remove-shard takes a shard. Leave out ${JSON.stringify(id)}.`);
  }
  const request = requestOf(change, id, options);
  const plan = (await answerOf(data, 'POST', '/v1/plan', request)) as ChangePlan;
  printLine(json ? JSON.stringify({ event: 'plan', ...plan }) : planText(plan));
  if (out === undefined) return;
  const text = `${JSON.stringify({ ...request, epoch: plan.epoch, lastChange: plan.lastChange })}\n`;
  await writeFile(out, text).catch((error: Error) => {
    throw new CliFailure(
      exitCodes.failed,
      `The plan cannot be written to ${out}: ${error.message}. Name another file.`,
      { cause: error },
    );
  });
  if (!json)
    printLine(`The plan is in ${out}. \`shardctl apply ${out}\` carries it out, unless the topology changes before.`);
}

export async function applyCommand(file: string, options: TopologyOptions): Promise<void> {
  let request: ChangeRequest;
  try {
    request = JSON.parse(readText(file)) as ChangeRequest;
    if (request?.kind === undefined) throw new TypeError('it names no change');
  } catch (error) {
    throw new CliFailure(
      exitCodes.usage,
      `${file} is not a plan (${(error as Error).message}). \`shardctl plan CHANGE --out FILE\` saves one.`,
      { cause: error },
    );
  }
  await changeTopology(options, request);
}

async function changeTopology(options: TopologyOptions, request: ChangeRequest): Promise<void> {
  const plan = (await answerOf(options.data, 'POST', '/v1/plan', request)) as ChangePlan;
  if (options.json) printLine(JSON.stringify({ event: 'plan', ...plan }));
  else printLine(planText(plan));
  if (options.dryRun) return;
  if (plan.slotsMoved === 0) {
    if (!options.json) printLine('Nothing has to move: every shard already has its share.');
    return;
  }
  if (!(await isAgreed(options)))
    throw new CliFailure(exitCodes.failed, 'Nothing was changed: answer y, or use --yes.');
  // While the question was open, somebody else may have asked for a change. With --yes there was no question.
  const asked = options.yes ? request : { ...request, lastChange: plan.lastChange };
  const { id, waitsFor } = (await answerOf(options.data, 'POST', '/v1/changes', asked)) as {
    id: number;
    waitsFor: number;
  };
  if (waitsFor > 0 && !options.json) printLine(`Queued behind ${countOf(waitsFor, 'other change')}.`);
  await followChange(options.data, id, options.json ?? false);
}

/** @throws CliFailure also for an option that this kind of change does not have */
function requestOf(kind: ChangeRequest['kind'], id: string | undefined, { count, weight }: WishOptions): ChangeRequest {
  if (count !== undefined && kind !== 'add-shard') throw new CliFailure(exitCodes.usage, '--count is for add-shard.');
  const weights = [weight ?? []].flat();
  switch (kind) {
    case 'add-shard':
      if (weights.length > 1) {
        throw new CliFailure(exitCodes.usage, '--weight is one number here: all new shards get it.');
      }
      return {
        kind,
        ...(count === undefined ? {} : { count: numberOf(count, '--count') }),
        ...(weights[0] === undefined ? {} : { weight: numberOf(weights[0], '--weight') }),
      };
    case 'remove-shard':
      if (weights.length > 0) throw new CliFailure(exitCodes.usage, '--weight is for add-shard and rebalance.');
      return { kind, shard: numberOf((id ?? '').replace(/^shard-/, ''), 'ID') };
    case 'rebalance':
      return { kind, weights: weightsOf(weights) };
  }
}

/** @param texts each `ID=W`, where the ID may also be written as `shard-2` */
function weightsOf(texts: readonly string[]): [shard: number, weight: number][] {
  const weights = new Map<number, number>();
  for (const text of texts) {
    const match = /^(?:shard-)?(\d+)=(\d+)$/.exec(text);
    if (match === null) {
      throw new CliFailure(
        exitCodes.usage,
        `--weight is ${JSON.stringify(text)}, but must be ID=W, such as 2=3: two whole numbers.`,
      );
    }
    const [shard, weight] = match.slice(1).map(Number) as [number, number];
    if (weights.has(shard)) throw new CliFailure(exitCodes.usage, `--weight names shard ${shard} twice.`);
    weights.set(shard, weight);
  }
  return [...weights];
}

/** Asks on a terminal. Elsewhere nobody can answer, so --yes is needed. */
async function isAgreed({ yes, json }: TopologyOptions): Promise<boolean> {
  if (yes) return true;
  const isAgreed = json ? undefined : await agreementTo('Go ahead?', process.stdout);
  if (isAgreed !== undefined) return isAgreed;
  throw new CliFailure(
    exitCodes.usage,
    'There is no terminal to ask on. Use --yes to go ahead, or --dry-run to see only the plan.',
  );
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
    `moves      ${countOf(slotsMoved, 'slot')}, about ${countOf(keysMoved, 'key')}, ${bytesText(bytesMoved)}`,
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
