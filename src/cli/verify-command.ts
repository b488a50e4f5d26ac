/** `shardctl verify`: checks every row of every shard's file, of a running service or of a stopped one. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ServiceUnreachable } from '../admin/admin-client.ts';
import type { ServiceAudit } from '../admin/contract.ts';
import { auditFiles } from '../primary/audit.ts';
import { ChangeRefused } from '../rebalance/change-refused.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { printLine } from './output.ts';
import { bytesText, countOf, countText } from './quantity.ts';
import { answerOf } from './service-answer.ts';
import { type Column, tableOf } from './table.ts';

export async function verifyCommand({ data, json }: { data: string; json?: boolean }): Promise<void> {
  const { audit, from } = await auditOfData(data);
  if (json) printLine(JSON.stringify({ ...audit, from }));
  else printLine(auditText(audit, from));
  if (!audit.isSound)
    throw new CliFailure(exitCodes.failed, 'The data has faults: see above. Keep a copy of it, and restore a backup.');
}

async function auditOfData(data: string): Promise<{ audit: ServiceAudit; from: 'running' | 'stopped' }> {
  try {
    return { audit: (await answerOf(data, 'POST', '/v1/verify')) as ServiceAudit, from: 'running' };
  } catch (error) {
    const isStopped = error instanceof ServiceUnreachable;
    if (!isStopped || !existsSync(join(data, 'meta.sqlite'))) throw error;
    return { audit: auditOfFiles(data), from: 'stopped' };
  }
}

function auditOfFiles(data: string): ServiceAudit {
  try {
    return auditFiles(data);
  } catch (error) {
    if (error instanceof ChangeRefused) throw new CliFailure(exitCodes.failed, error.message, { cause: error });
    throw error;
  }
}

const columns: readonly Column<ServiceAudit['shards'][number]>[] = [
  { title: 'shard', align: 'left', cell: ({ shard }) => `shard-${shard}` },
  { title: 'keys', align: 'right', cell: ({ keys }) => countText(keys) },
  { title: 'bytes', align: 'right', cell: ({ bytes }) => bytesText(bytes) },
  { title: 'digest', align: 'right', cell: ({ digest }) => digest.toString(16).padStart(13, '0') },
  { title: 'in transit', align: 'right', cell: ({ inTransit }) => countText(inTransit) },
  { title: 'faults', align: 'right', cell: ({ faults }) => countText(faults.length) },
];

function auditText({ epoch, slots, shards, keys, bytes, isSound }: ServiceAudit, from: string): string {
  const faults = shards.flatMap(({ shard, faults }) => faults.map((fault) => `shard-${shard}: ${fault}`));
  const busy = shards.filter(({ changedMeanwhile }) => changedMeanwhile).map(({ shard }) => `shard-${shard}`);
  return [
    tableOf(columns, shards),
    '',
    `The ${from} service has ${countOf(keys, 'key')}, ${bytesText(bytes)}; epoch ${epoch}, ${countOf(slots, 'slot')}, each owned once.`,
    ...(busy.length === 0
      ? []
      : [
          `The counters of these shards were not compared, because they received writes meanwhile: ${busy.join(', ')}.`,
        ]),
    ...faults,
    ...(isSound ? ['Every row is where it belongs.'] : []),
  ].join('\n');
}
