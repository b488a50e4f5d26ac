/**
 * The ring in small: a handful of slots instead of 16,384, and the plan that leads from one ring to wanted owners.
 * The real ring and plan are arithmetic with tests of their own; protocols only ask who owns a slot, and when.
 */

import type { Move } from '../../src/rebalance/move.ts';

export type SimulatedRing = {
  readonly epoch: number;
  /** The shard of each slot. */
  readonly owners: readonly number[];
};

/** The first batch that leads towards the wanted owners; undefined when they are reached. */
export function nextBatch({ owners }: SimulatedRing, wanted: readonly number[], slotsMax: number) {
  const first = owners.findIndex((owner, slot) => owner !== wanted[slot]);
  if (first === -1) return undefined;
  const from = owners[first] as number;
  const to = wanted[first] as number;
  const slots = owners.flatMap((owner, slot) => (owner === from && wanted[slot] === to ? [slot] : []));
  return { from, to, slots: slots.slice(0, slotsMax) };
}

export function ringAfterMove({ epoch, owners }: SimulatedRing, { from, to, slots }: Move): SimulatedRing {
  for (const slot of slots) {
    if (owners[slot] !== from) throw new RangeError(`slot ${slot} is owned by shard ${owners[slot]}, not ${from}`);
  }
  return { epoch: epoch + 1, owners: owners.map((owner, slot) => (slots.includes(slot) ? to : owner)) };
}
