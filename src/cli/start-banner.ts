/** Writes what a person at a terminal sees when the service has started. */

import { resolve } from 'node:path';
import type { ProcessStatus, ServiceStatus } from '../admin/contract.ts';
import { settings } from '../config/service-config.ts';
import { countOf } from './quantity.ts';

export function bannerOf({ url, adminUrl, data, store, acknowledgement, ring, processes }: ServiceStatus): string {
  const ofRole = (role: ProcessStatus['role']) => processes.filter((one) => one.role === role);
  const atData = data === resolve(settings.data.default) ? '' : ` --data ${data}`;
  const failed = processes.filter(({ state }) => state === 'failed');
  const lines = [
    '',
    `  Shardlite serves at ${url}`,
    '',
    `  primary   pid ${process.pid}`,
    ...ofRole('router').map(({ id, pid }) => `  ${id.padEnd(9)} pid ${pid ?? '–'}`),
    ...ofRole('clone').map(({ id, pid, state }) => `  ${id.padEnd(9)} ${state === 'ready' ? `pid ${pid}` : state}`),
    ...ofRole('shard').map(
      ({ id, pid, slots, state }) =>
        `  ${id.padEnd(9)} ${state === 'ready' ? `pid ${pid}` : state}   ${countOf(slots ?? 0, 'slot')}   ${data}/${id}.sqlite`,
    ),
    store === null ? `  ring      epoch ${ring.epoch}` : `  store     ${store}`,
    ...(acknowledgement === null ? [] : [`            ${acknowledgement}`]),
    ...(adminUrl === null ? [] : [`  metrics   ${adminUrl}/metrics`]),
    '',
    ...failed.map(
      ({ id, role }) =>
        `  ${id} has failed${role === 'shard' ? ': its keys answer 503' : ''} until \`npx shardctl restart ${id}${atData}\`.\n`,
    ),
    '  Try it:',
    `    curl -X PUT ${url}/v1/kv/greeting -H 'content-type: text/plain' -d 'hello'`,
    `    curl ${url}/v1/kv/greeting`,
    `    npx shardctl status${atData}`,
    '',
    '  Ctrl-C drains and stops.',
    '',
    '',
  ];
  return lines.join('\n');
}
