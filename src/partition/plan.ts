/**
 * The plan: which slots change hands to get from a ring to wanted weights. Pure arithmetic; it moves
 * nothing. Only the slots that a shard owns beyond its quota move, so no plan can move fewer.
 */

import { Ring, slotQuotas, type Weights } from './ring.ts';

/** Slots, ascending, that go from one shard to another. */
export type PlannedMove = { readonly from: number; readonly to: number; readonly slots: readonly number[] };

export function planOf(ring: Ring, weights: Weights): PlannedMove[] {
  const owned = new Map(ring.shards().map((shard) => [shard, ring.slotsOf(shard)]));
  const quotas = slotQuotas(weights, new Map([...owned].map(([shard, slots]) => [shard, slots.length])), ring.slots);

  // Givers part with their highest slots, so that what they keep stays contiguous.
  const surplus = [...owned].flatMap(([from, slots]) =>
    slots.slice(quotas.get(from) ?? 0).map((slot) => ({ from, slot })),
  );
  const moves: PlannedMove[] = [];
  for (const [to, quota] of quotas) {
    const missing = quota - (owned.get(to)?.length ?? 0);
    if (missing <= 0) continue;
    const bySource = new Map<number, number[]>();
    for (const { from, slot } of surplus.splice(0, missing)) {
      const slots = bySource.get(from) ?? [];
      slots.push(slot);
      bySource.set(from, slots);
    }
    for (const [from, slots] of bySource) moves.push({ from, to, slots });
  }
  return moves;
}

/** The moves that lead back to the owners that each slot has in another ring. */
export function planTo(ring: Ring, wanted: Ring): PlannedMove[] {
  const moves = new Map<string, { from: number; to: number; slots: number[] }>();
  for (let slot = 0; slot < ring.slots; slot++) {
    const [from, to] = [ring.shardOf(slot), wanted.shardOf(slot)];
    if (from === to) continue;
    const name = `${from} ${to}`;
    const move = moves.get(name) ?? { from, to, slots: [] };
    moves.set(name, move);
    move.slots.push(slot);
  }
  return [...moves.values()];
}

/** The ring after these moves, one epoch later. */
export function ringAfter(ring: Ring, moves: readonly PlannedMove[]): Ring {
  const owners = Uint16Array.from({ length: ring.slots }, (_, slot) => ring.shardOf(slot));
  for (const { from, to, slots } of moves) {
    for (const slot of slots) {
      if (owners[slot] !== from) throw new RangeError(`slot ${slot} is owned by shard ${owners[slot]}, not ${from}`);
      owners[slot] = to;
    }
  }
  return new Ring(ring.epoch + 1, owners);
}
