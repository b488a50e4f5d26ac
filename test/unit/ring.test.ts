/** The ring: each slot has exactly one owner, each shard its share, and a described ring is the same ring again. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { firstRing, Ring, ringOf, type SlotRange, slotQuotas, type Weights } from '../../src/partition/ring.ts';
import { slotCount } from '../../src/partition/slot.ts';

const shardId = fc.integer({ min: 1, max: 65_535 });

function weightsArbitrary(weightMax: number): fc.Arbitrary<Weights> {
  const row = fc.tuple(shardId, fc.integer({ min: 1, max: weightMax }));
  return fc.uniqueArray(row, { minLength: 1, maxLength: 256, selector: ([id]) => id }).map((rows) => new Map(rows));
}

/** Owners in runs of any length, down to a slot each. */
const anyOwners = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 2_000 }), shardId), { minLength: 1, maxLength: 64 })
  .map((runs) => {
    const owners = new Uint16Array(slotCount);
    for (let at = 0, run = 0; at < slotCount; run++) {
      const [length, shard] = runs[run % runs.length] as [number, number];
      owners.fill(shard, at, at + length);
      at += length;
    }
    return owners;
  });

describe('the first ring', () => {
  test('gives equal shards equal shares to within one slot, for any number of shards up to 256', () => {
    for (let shards = 1; shards <= 256; shards++) {
      const counts = [...slotCounts(firstRing(equalWeights(shards))).values()];
      expect(counts.length).toBe(shards);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    }
  });

  test('gives each shard the share its weight says, to within one slot', () => {
    fc.assert(
      fc.property(weightsArbitrary(1_000), (weights) => {
        const counts = slotCounts(firstRing(weights));
        const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
        for (const [shard, weight] of weights) {
          expect(Math.abs((counts.get(shard) ?? 0) - (weight * slotCount) / total)).toBeLessThan(1);
        }
      }),
    );
  });

  test('gives each shard one contiguous arc, in the order of their ids', () => {
    fc.assert(
      fc.property(weightsArbitrary(10), (weights) => {
        const shards = firstRing(weights)
          .ranges()
          .map(([, , shard]) => shard);
        expect(shards).toEqual([...weights.keys()].sort((a, b) => a - b));
      }),
    );
  });

  test('has epoch 1', () => {
    expect(firstRing(equalWeights(3)).epoch).toBe(1);
  });
});

describe('a ring', () => {
  test('has one owner for every slot: slots of all shards together are each slot once', () => {
    fc.assert(
      fc.property(anyOwners, (owners) => {
        const ring = new Ring(1, owners);
        const slots = ring.shards().flatMap((shard) => ring.slotsOf(shard));
        expect(slots.length).toBe(slotCount);
        expect(new Set(slots).size).toBe(slotCount);
        expect(ring.slotsOf(ring.shardOf(0))).toContain(0);
      }),
      { numRuns: 30 },
    );
  });

  test('is the same ring again after it was described, sent as JSON and read', () => {
    fc.assert(
      fc.property(anyOwners, fc.nat(), (owners, epoch) => {
        const again = ringOf(JSON.parse(JSON.stringify(new Ring(epoch, owners).describe())));
        expect(again.epoch).toBe(epoch);
        expect(ownersOf(again)).toEqual(owners);
      }),
      { numRuns: 20 },
    );
  });

  test('is described in the fewest ranges: neighbours differ', () => {
    fc.assert(
      fc.property(anyOwners, (owners) => {
        const ranges = new Ring(1, owners).ranges();
        const firsts = ranges.map(([first]) => first);
        const changes = [...owners.keys()].filter((slot) => owners[slot] !== owners[slot - 1]);
        expect(firsts).toEqual(changes);
      }),
      { numRuns: 50 },
    );
  });

  test('knows no slot but 0 to 16,383', () => {
    const ring = firstRing(equalWeights(2));
    expect(ring.shardOf(slotCount - 1)).toBe(2);
    for (const slot of [-1, slotCount, 0.5, Number.NaN]) expect(() => ring.shardOf(slot)).toThrow(RangeError);
  });

  test('knows no slots of a shard that is not on it', () => {
    expect(firstRing(equalWeights(2)).slotsOf(3)).toEqual([]);
  });

  test('refuses to have a slot without owner', () => {
    expect(() => new Ring(1, new Uint16Array(slotCount).fill(1).fill(0, 77, 78))).toThrow(/slot 77 has no owner/);
  });
});

describe('a description is refused', () => {
  test.each([
    ['that is empty', '', /slot 0 has no owner/],
    ['with a gap', '0..99=1 101..16383=2', /slot 100 has no owner/],
    ['that ends early', '0..16382=1', /slot 16383 has no owner/],
    ['with an overlap', '0..100=1 100..16383=2', /slot 100 is named twice/],
    ['with a slot named twice for one shard', '0..16383=1 5..5=1', /slot 5 is named twice/],
    ['that begins before the first slot', '-1..16383=1', /-1-16383 are not a range/],
    ['that goes beyond the last slot', '0..16384=1', /0-16384 are not a range/],
    ['with a range the wrong way round', '0..16383=1 9..8=1', /9-8 are not a range/],
    ['with a shard 0', '0..16383=0', /there is no shard 0/],
  ])('%s: %j', (_why, ranges, message) => {
    expect(() => ringOf({ epoch: 1, ranges: rangesOf(ranges) })).toThrow(RangeError);
    expect(() => ringOf({ epoch: 1, ranges: rangesOf(ranges) })).toThrow(message);
  });

  test.each([65_536, 65_537, -1, 1.5])('with a shard id that two bytes cannot hold: %d', (shard) => {
    // Cut to two bytes, 65,537 would be shard 1: two shards would serve its slots.
    expect(() => ringOf({ epoch: 1, ranges: [[0, 16_383, shard]] })).toThrow(RangeError);
  });
});

describe('quotas', () => {
  test('sum to 16,384 and are each the exact share rounded down or up', () => {
    fc.assert(
      fc.property(weightsArbitrary(1_000_000), (weights) => {
        const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
        const quotas = slotQuotas(weights);
        expect([...quotas.values()].reduce((sum, quota) => sum + quota, 0)).toBe(slotCount);
        for (const [shard, weight] of weights) {
          expect(Math.abs((quotas.get(shard) as number) - (weight * slotCount) / total)).toBeLessThan(1);
        }
      }),
    );
  });

  test('give the slots left over to the largest fractions', () => {
    // Exact shares 4,681.14 and 11,702.86.
    expect(slotQuotas(byShard({ 1: 2, 2: 5 }))).toEqual(byShard({ 1: 4_681, 2: 11_703 }));
  });

  test('give the slots left over among equal shards to those that own more, then to the lower id', () => {
    expect(slotQuotas(equalWeights(3))).toEqual(byShard({ 1: 5_462, 2: 5_461, 3: 5_461 }));
    const owned = byShard({ 1: 0, 2: 5_461, 3: 5_462 });
    expect(slotQuotas(equalWeights(3), owned)).toEqual(byShard({ 1: 5_461, 2: 5_461, 3: 5_462 }));
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('are refused for a weight of %d', (weight) => {
    expect(() => slotQuotas(byShard({ 1: 1, 2: weight }))).toThrow(/shard 2 has weight .* whole number from 1/);
  });

  test('are refused for no shards and for more shards than slots', () => {
    expect(() => slotQuotas(new Map())).toThrow(/1 to 16384 shards/);
    expect(() => slotQuotas(equalWeights(slotCount + 1))).toThrow(/1 to 16384 shards/);
    expect(slotQuotas(equalWeights(slotCount)).get(slotCount)).toBe(1);
  });

  test('are refused for weights too large to be summed', () => {
    expect(() => slotQuotas(byShard({ 1: 2 ** 1023, 2: 2 ** 1023 }))).toThrow(RangeError);
  });
});

function byShard(numbers: Readonly<Record<number, number>>): Map<number, number> {
  return new Map(Object.entries(numbers).map(([shard, number]) => [Number(shard), number]));
}

/** `0..99=1 100..16383=2` */
function rangesOf(text: string): SlotRange[] {
  return [...text.matchAll(/(\S+)\.\.(\S+)=(\S+)/g)].map(([, first, last, shard]) => [
    Number(first),
    Number(last),
    Number(shard),
  ]);
}

function equalWeights(shards: number): Weights {
  return new Map(Array.from({ length: shards }, (_, index) => [index + 1, 1]));
}

function ownersOf(ring: Ring): Uint16Array {
  return Uint16Array.from({ length: slotCount }, (_, slot) => ring.shardOf(slot));
}

function slotCounts(ring: Ring): Map<number, number> {
  const counts = new Map<number, number>();
  for (const shard of ownersOf(ring)) counts.set(shard, (counts.get(shard) ?? 0) + 1);
  return counts;
}

test('shards are told in ascending order, whoever owns the first slot', () => {
  const owners = new Uint16Array(slotCount).fill(2);
  owners.fill(10, 0, 5).fill(1, 5, 9);
  expect(new Ring(1, owners).shards()).toEqual([1, 2, 10]);
});

test('a slot beyond the last is refused by its number', () => {
  expect(() => firstRing(new Map([[1, 1]])).shardOf(16_384)).toThrow('slot 16384 is not one of 0 to 16383');
});
