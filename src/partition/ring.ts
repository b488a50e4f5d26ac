/**
 * The ring: which shard owns which slot, as of an epoch. Immutable and pure: a changed ring is a new ring
 * with a higher epoch, and only the primary makes one.
 */

import { slotCount } from './slot.ts';

/** Shards that a service has at most. */
export const shardsMax = 256;

/** Shard ids are stored and sent in two bytes. */
const shardIdMax = 65_535;

/** First slot, last slot (inclusive), shard. */
export type SlotRange = readonly [first: number, last: number, shard: number];

export type RingDescription = { readonly epoch: number; readonly ranges: readonly SlotRange[] };

/** Relative share of the slots that each shard should own, by shard id. */
export type Weights = ReadonlyMap<number, number>;

export class Ring {
  readonly epoch: number;
  readonly #owners: Uint16Array;
  /** Found out when first asked for: a ring never changes, and each page of a listing asks. */
  #shards: readonly number[] | undefined;

  /** @param owners the shard id of each slot; ids are 1 to 65,535 */
  constructor(epoch: number, owners: Uint16Array) {
    if (owners.includes(0)) throw new RangeError(`slot ${owners.indexOf(0)} has no owner`);
    this.epoch = epoch;
    this.#owners = owners;
  }

  /** Whether each slot has the same owner. */
  isSameAs(other: Ring): boolean {
    return Buffer.from(this.#owners.buffer).equals(Buffer.from(other.#owners.buffer));
  }

  /** How many there are: 16,384, but for the small rings of simulations. */
  get slots(): number {
    return this.#owners.length;
  }

  shardOf(slot: number): number {
    const shard = this.#owners[slot];
    if (shard === undefined) throw new RangeError(`slot ${slot} is not one of 0 to ${this.slots - 1}`);
    return shard;
  }

  /** Ids of the shards that own at least one slot, ascending. */
  shards(): readonly number[] {
    this.#shards ??= [...new Set(this.#owners)].sort((a, b) => a - b);
    return this.#shards;
  }

  /** Ascending slots of one shard. */
  slotsOf(shard: number): number[] {
    const slots: number[] = [];
    for (const [slot, owner] of this.#owners.entries()) if (owner === shard) slots.push(slot);
    return slots;
  }

  /** Runs of neighbouring slots with one owner, ascending. */
  ranges(): SlotRange[] {
    const ranges: SlotRange[] = [];
    let first = 0;
    for (let slot = 1; slot <= this.slots; slot++) {
      if (slot < this.slots && this.#owners[slot] === this.#owners[first]) continue;
      ranges.push([first, slot - 1, this.shardOf(first)]);
      first = slot;
    }
    return ranges;
  }

  describe(): RingDescription {
    return { epoch: this.epoch, ranges: this.ranges() };
  }
}

/** @throws RangeError when the ranges leave a slot out, name one twice, or reach beyond the last */
export function ringOf({ epoch, ranges }: RingDescription, slots = slotCount): Ring {
  const owners = new Uint16Array(slots);
  for (const [first, last, shard] of ranges) {
    if (first < 0 || last >= slots || first > last) throw new RangeError(`slots ${first}-${last} are not a range`);
    checkShard(shard);
    for (let slot = first; slot <= last; slot++) {
      if (owners[slot] !== 0) throw new RangeError(`slot ${slot} is named twice`);
      owners[slot] = shard;
    }
  }
  return new Ring(epoch, owners);
}

function checkShard(shard: number): void {
  if (!Number.isInteger(shard) || shard < 1 || shard > shardIdMax) {
    throw new RangeError(`there is no shard ${shard}: ids are 1 to ${shardIdMax}`);
  }
}

/** A ring of epoch 1 in which each shard owns one contiguous arc, as long as its weight says. */
export function firstRing(weights: Weights, slots = slotCount): Ring {
  const owners = new Uint16Array(slots);
  let slot = 0;
  for (const [shard, quota] of slotQuotas(weights, new Map(), slots)) {
    checkShard(shard);
    owners.fill(shard, slot, slot + quota);
    slot += quota;
  }
  return new Ring(1, owners);
}

/**
 * How many slots each shard should own: its exact share rounded down or up, so that all sum to 16,384.
 * The slots left by rounding down go to the largest fractions; among equal fractions to the shards that
 * own more than that already (`owned`), since every slot that stays is one less to move; then to the lower id, so that
 * what is wanted stays the same while slots move towards it.
 * (Hamilton's largest-remainder method.)
 */
export function slotQuotas(
  weights: Weights,
  owned: ReadonlyMap<number, number> = new Map(),
  slots = slotCount,
): Map<number, number> {
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  if (weights.size === 0 || weights.size > slots) throw new RangeError(`a ring has 1 to ${slots} shards`);
  for (const [shard, weight] of weights) {
    if (!Number.isInteger(weight) || weight < 1)
      throw new RangeError(`shard ${shard} has weight ${weight}: a weight is a whole number from 1`);
  }

  if (!Number.isSafeInteger(total * slots)) throw new RangeError(`weights that sum to ${total} are too large`);

  // Whole-number arithmetic throughout, so that equal weights have exactly equal remainders.
  const shares = [...weights].map(([shard, weight]) => ({
    shard,
    quota: Math.floor((weight * slots) / total),
    remainder: (weight * slots) % total,
    keepsOne: (owned.get(shard) ?? 0) > Math.floor((weight * slots) / total),
  }));
  let left = slots - shares.reduce((sum, share) => sum + share.quota, 0);
  const byClaim = [...shares].sort(
    (a, b) => b.remainder - a.remainder || Number(b.keepsOne) - Number(a.keepsOne) || a.shard - b.shard,
  );
  for (const share of byClaim) {
    if (left === 0) break;
    share.quota++;
    left--;
  }
  return new Map(shares.sort((a, b) => a.shard - b.shard).map(({ shard, quota }) => [shard, quota]));
}
