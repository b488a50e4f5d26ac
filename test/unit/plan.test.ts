/**
 * The plan: every slot that moves costs a copy of its rows on a live system, so a plan may move exactly what the
 * wanted weights ask for and not one slot more. Checked over rings that have been through any history.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PlannedMove, planOf, ringAfter } from '../../src/partition/plan.ts';
import { firstRing, Ring, slotQuotas, type Weights } from '../../src/partition/ring.ts';
import { slotCount } from '../../src/partition/slot.ts';

/** Few shards with small weights, so that equal fractions, where a plan has a choice, come up often. */
const someWeights: fc.Arbitrary<Weights> = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 5 })), {
    minLength: 1,
    maxLength: 6,
    selector: ([shard]) => shard,
  })
  .map((rows) => new Map(rows));

/** A ring that was resharded a few times, and the weights it was made for last. */
const resharded = fc.array(someWeights, { minLength: 1, maxLength: 4 }).map(([first, ...later]) => ({
  ring: later.reduce((ring, weights) => ringAfter(ring, planOf(ring, weights)), firstRing(first as Weights)),
  weights: later.at(-1) ?? (first as Weights),
}));

/** A ring that no plan would make: as many slots a shard as chance had it. */
const unevenRing = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 900 })), { minLength: 1, maxLength: 40 })
  .map((runs) => {
    const owners = new Uint16Array(slotCount).fill(1);
    let at = 0;
    for (const [shard, length] of runs) {
      owners.fill(shard, at, at + length);
      at += length;
    }
    return new Ring(1, owners);
  });

const anyRing = fc.oneof(
  resharded.map(({ ring }) => ring),
  unevenRing,
);
const runs = { numRuns: 60 };

describe('a plan', () => {
  test('leaves every shard with exactly its quota', () => {
    fc.assert(
      fc.property(anyRing, someWeights, (ring, weights) => {
        const after = slotCounts(ringAfter(ring, planOf(ring, weights)));
        expect(after).toEqual(slotQuotas(weights, slotCounts(ring)));
      }),
      runs,
    );
  });

  test('moves no slot that its owner may keep: as many as are owned beyond the quotas', () => {
    fc.assert(
      fc.property(anyRing, someWeights, (ring, weights) => {
        const quotas = slotQuotas(weights, slotCounts(ring));
        expect(movedSlots(planOf(ring, weights))).toBe(surplusOver(quotas, slotCounts(ring)));
      }),
      runs,
    );
  });

  test('for equal shards moves as few slots as any choice of who gets the slots left over', () => {
    const equalShards = someWeights.map((weights) => new Map([...weights.keys()].map((shard) => [shard, 1])));
    fc.assert(fc.property(anyRing, equalShards, movesAsFewAsAnyRounding), runs);
  });

  test('for any weights moves as few slots as any choice among equal fractions', () => {
    fc.assert(fc.property(anyRing, someWeights, movesAsFewAsAnyRounding), {
      ...runs,
      // Three equal fractions for two slots left over, where the largest shard is the one that lacks slots.
      examples: [[firstRing(weightsOf([5_000, 6_000, 5_384])), weightsOf([1, 4, 1])]],
    });
  });

  test('is the same plan again, less what has been done, after each batch of it', () => {
    fc.assert(
      fc.property(anyRing, someWeights, fc.integer({ min: 700, max: 4_000 }), (first, weights, batch) => {
        const wanted = ringAfter(first, planOf(first, weights));
        let ring = first;
        for (let [next] = planOf(ring, weights); next !== undefined; [next] = planOf(ring, weights))
          ring = ringAfter(ring, [{ ...next, slots: next.slots.slice(0, batch) }]);
        expect(slotCounts(ring)).toEqual(slotCounts(wanted));
        expect(ring.ranges()).toEqual(wanted.ranges());
      }),
      runs,
    );
  });

  test('is empty for the weights that the ring was made for', () => {
    const weights = weightsOf([1, 1, 4]);
    fc.assert(
      fc.property(resharded, ({ ring, weights }) => {
        expect(planOf(ring, weights)).toEqual([]);
      }),
      // Three equal fractions for two slots left over, of which the largest shard got none.
      { ...runs, examples: [[{ ring: firstRing(weights), weights }]] },
    );
  });

  test('names every move once: slots ascending, each from its owner to another shard', () => {
    fc.assert(
      fc.property(anyRing, someWeights, (ring, weights) => {
        const moves = planOf(ring, weights);
        for (const { from, to, slots } of moves) {
          expect(from).not.toBe(to);
          expect(slots.length).toBeGreaterThan(0);
          expect(slots.every((slot, index) => index === 0 || slot > (slots[index - 1] as number))).toBe(true);
          expect(slots.every((slot) => ring.shardOf(slot) === from)).toBe(true);
        }
        expect(new Set(moves.flatMap(({ slots }) => slots)).size).toBe(movedSlots(moves));
        expect(new Set(moves.map(({ from, to }) => `${from}>${to}`)).size).toBe(moves.length);
      }),
      runs,
    );
  });
});

describe('a shard that joins N equal ones', () => {
  test('gets one slot in N + 1, and nothing else moves', () => {
    for (let shards = 1; shards <= 64; shards++) {
      const moves = planOf(firstRing(equalWeights(shards)), equalWeights(shards + 1));
      expect(new Set(moves.map(({ to }) => to))).toEqual(new Set([shards + 1]));
      expect([Math.floor, Math.ceil].map((round) => round(slotCount / (shards + 1)))).toContain(movedSlots(moves));
    }
  });

  test('leaves each of them the beginning of its arc, in one piece', () => {
    const ring = firstRing(equalWeights(4));
    const after = ringAfter(ring, planOf(ring, equalWeights(5)));
    for (let shard = 1; shard <= 4; shard++) {
      const kept = after.slotsOf(shard);
      expect(kept).toEqual(ring.slotsOf(shard).slice(0, kept.length));
    }
  });
});

describe('a shard that leaves N equal ones', () => {
  test('gives all its slots away, and nothing else moves', () => {
    const leaving = fc
      .integer({ min: 2, max: 64 })
      .chain((shards) => fc.record({ shards: fc.constant(shards), left: fc.integer({ min: 1, max: shards }) }));
    fc.assert(
      fc.property(leaving, ({ shards, left }) => {
        const ring = firstRing(equalWeights(shards));
        const weights = new Map(equalWeights(shards));
        weights.delete(left);
        const moves = planOf(ring, weights);
        expect(new Set(moves.map(({ from }) => from))).toEqual(new Set([left]));
        expect(moves.flatMap(({ slots }) => slots).sort((a, b) => a - b)).toEqual(ring.slotsOf(left));
      }),
      runs,
    );
  });
});

describe('the ring after a plan', () => {
  test('is one epoch later and differs in the planned slots alone', () => {
    fc.assert(
      fc.property(anyRing, someWeights, (ring, weights) => {
        const before = ring.describe();
        const moves = planOf(ring, weights);
        const after = ringAfter(ring, moves);
        expect(after.epoch).toBe(ring.epoch + 1);
        const newOwners = new Map(moves.flatMap(({ to, slots }) => slots.map((slot) => [slot, to])));
        for (let slot = 0; slot < slotCount; slot++) {
          if (after.shardOf(slot) !== (newOwners.get(slot) ?? ring.shardOf(slot))) expect.fail(`slot ${slot}`);
        }
        expect(ring.describe()).toEqual(before);
      }),
      runs,
    );
  });

  test('is refused when a slot has changed hands since the plan was made', () => {
    const ring = firstRing(equalWeights(2));
    const moves = planOf(ring, equalWeights(3));
    const moved = ringAfter(ring, moves);
    expect(() => ringAfter(moved, moves)).toThrow(/slot \d+ is owned by shard 3, not 1/);
  });
});

/** Brute force: every set of shards that may get one of the slots left over, since no fraction outside is larger. */
function movesAsFewAsAnyRounding(ring: Ring, weights: Weights): void {
  const owned = slotCounts(ring);
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  const shares = [...weights].map(([shard, weight]) => ({
    shard,
    floor: Math.floor((weight * slotCount) / total),
    fraction: (weight * slotCount) % total,
  }));
  const left = slotCount - shares.reduce((sum, { floor }) => sum + floor, 0);
  let fewest = Number.POSITIVE_INFINITY;
  for (let chosen = 0; chosen < 2 ** shares.length; chosen++) {
    const isChosen = (index: number) => (chosen & (1 << index)) !== 0;
    const winners = shares.filter((_, index) => isChosen(index));
    const losers = shares.filter((_, index) => !isChosen(index));
    if (winners.length !== left) continue;
    const leastChosen = Math.min(...winners.map(({ fraction }) => fraction));
    if (losers.some(({ fraction }) => fraction > leastChosen)) continue;
    const quotas = new Map(shares.map(({ shard, floor }, index) => [shard, floor + (isChosen(index) ? 1 : 0)]));
    fewest = Math.min(fewest, surplusOver(quotas, owned));
  }
  expect(movedSlots(planOf(ring, weights))).toBe(fewest);
}

/** The weights of shards 1, 2, …. */
function weightsOf(weights: readonly number[]): Weights {
  return new Map(weights.map((weight, index) => [index + 1, weight]));
}

function equalWeights(shards: number): Weights {
  return weightsOf(Array.from({ length: shards }, () => 1));
}

function surplusOver(quotas: Weights, owned: ReadonlyMap<number, number>): number {
  return [...owned].reduce((sum, [shard, slots]) => sum + Math.max(0, slots - (quotas.get(shard) ?? 0)), 0);
}

function movedSlots(moves: readonly PlannedMove[]): number {
  return moves.reduce((sum, { slots }) => sum + slots.length, 0);
}

function slotCounts(ring: Ring): Map<number, number> {
  return new Map(ring.shards().map((shard) => [shard, ring.slotsOf(shard).length]));
}
