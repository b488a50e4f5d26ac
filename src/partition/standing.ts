/**
 * What a shard's file says of the shard's place in the ring, in the transactions that change it: by that, others who
 * read the file know whether what lies in it is what its shard would answer. Pure.
 */

export type Standing = {
  /** Of the ring that the shard adopted last: every slot that is its own by that ring is here, and whole. */
  readonly epoch: number;
  /** Whether the target of a move may have everything, so that it may own slots of this file any moment. */
  readonly isGivingAway: boolean;
};

/**
 * Whether rows that were read in the same snapshot count, for somebody whose ring has this epoch. While they do, no
 * other shard can have written to a slot that is this shard's by that ring: before another may serve it, this file is
 * marked, and it stays so until the epoch rises.
 */
export function countsAt(epoch: number, standing: Standing): boolean {
  return standing.epoch === epoch && !standing.isGivingAway;
}
