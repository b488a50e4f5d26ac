/** What operators are told of files that do not fit: what is wrong, what it concerns, and the ways out. Pure. */

import type { Ring } from '../partition/ring.ts';
import type { SupervisedChild } from '../supervision/supervised-child.ts';

/** Undefined for a child that has not refused to serve. */
export function refusalOf({ spec, isGivenUp, refusal }: SupervisedChild, ring: Ring): string | undefined {
  if (!isGivenUp || refusal === undefined) return undefined;
  return spec.shard === null ? refusedStore(refusal) : refusedShard(refusal, spec.shard, ring);
}

function refusedShard(reason: string, shard: number, ring: Ring): string {
  const slots = ring.slotsOf(shard).length.toLocaleString('en');
  return (
    `${reason} Shard ${shard} does not serve: requests for its ${slots} of ${ring.slots.toLocaleString('en')} slots get 503. ` +
    `Put its file back and run \`shardctl restart shard-${shard}\`; to go on without, stop the service and run \`shardctl recover\`.`
  );
}

/** Of the one file that holds everything. */
export function refusedStore(reason: string): string {
  return `${reason} It holds all keys, so nothing is served. Put it back, or run \`shardctl recover\` to go on without.`;
}

export function olderTopology(data: string, found: { readonly epoch: number; readonly path: string }, epoch: number) {
  return (
    `The meta.sqlite of ${data} is an older copy: it ends with the ring of epoch ${epoch}, and ${found.path} knows that of epoch ${found.epoch}. ` +
    'So it does not say which shard owns which slots, and nothing is served. Put the newest one back, or run `shardctl recover` to make it anew from the shards.'
  );
}

export function missingTopology(data: string, shards: readonly number[]): string {
  const files = shards.map((shard) => `shard-${shard}.sqlite`).join(', ');
  return `${data} has ${files}, and no meta.sqlite that says which slots each of them owns, so nothing is served. Put it back, or run \`shardctl recover\` to make it anew from the shards.`;
}
