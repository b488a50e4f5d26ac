/** Op ids: they let a write be sent twice and applied once. Pure. */

/**
 * Names one write for ever: 8 random bytes of the sender's life, then a counter. A store that has applied an op
 * id once answers a resend from its ledger.
 */
export type OpId = Buffer;
export const opIdBytes = 16;

/** The op id of one operation within an atomic one. The sender leaves the ids after its own unused for this. */
export function opIdOfItem(opId: OpId, index: number): OpId {
  const own = Buffer.from(opId);
  own.writeBigUInt64LE(BigInt.asUintN(64, own.readBigUInt64LE(8) + BigInt(index)), 8);
  return own;
}

/** The op id of writes that are never sent again. */
export const noOpId: OpId = Buffer.alloc(opIdBytes);

/** What lets a write be sent twice and applied once. */
export type Resend = {
  readonly opId: OpId;
  /** True when an earlier connection may have carried this write already. */
  readonly resent: boolean;
  /** The highest lsn that the sender had seen of this shard when it first sent the write. */
  readonly seenLsn: number;
};
