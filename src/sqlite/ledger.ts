/**
 * The packed results of one commit, as they lie in the ledger: 27 bytes a write, little-endian. Pure.
 *
 *   0        16      18        19        27
 *   ├ op id ─┼ slot ─┼ outcome ┼ version ┤
 */

import { type OpId, opIdBytes, type WriteOutcome } from '../kv/store.ts';

export type LedgerResult = { readonly opId: OpId; readonly slot: number; readonly outcome: WriteOutcome };

/** Stands where a write has no op id, because nobody will send it again. */
export const noOpId: OpId = Buffer.alloc(opIdBytes);

const resultBytes = opIdBytes + 11;
const versionAt = opIdBytes + 3;
const outcomeKinds = ['created', 'replaced', 'deleted'] as const;

export function packResults(results: readonly LedgerResult[]): Buffer {
  const packed = Buffer.allocUnsafe(results.length * resultBytes);
  for (const [index, { opId, slot, outcome }] of results.entries()) {
    const at = index * resultBytes;
    opId.copy(packed, at);
    packed.writeUInt16LE(slot, at + 16);
    packed[at + 18] = outcomeKinds.indexOf(outcome.kind);
    packed.writeBigUInt64LE(BigInt(outcome.version), at + 19);
  }
  return packed;
}

/** @throws RangeError when the bytes were not packed by `packResults` */
export function unpackResults(packed: Buffer): LedgerResult[] {
  if (packed.length % resultBytes !== 0) throw new RangeError(`${packed.length} bytes are not whole ledger results`);
  return Array.from({ length: packed.length / resultBytes }, (_, index) => {
    const at = index * resultBytes;
    const kind = outcomeKinds[packed[at + 18] as number];
    if (kind === undefined) throw new RangeError(`there is no outcome ${packed[at + 18]} in a ledger`);
    return {
      opId: packed.subarray(at, at + opIdBytes),
      slot: packed.readUInt16LE(at + 16),
      outcome: { kind, version: Number(packed.readBigUInt64LE(at + 19)) },
    };
  });
}

/**
 * Results older than this many writes are not kept across moves, and no resend asks for them: slots that move to
 * and fro would otherwise carry every result for ever.
 */
export const ledgerWindowLsn = 2 ** 18;

/**
 * Adds to `found` those of the packed results that are of these slots and above this lsn, each still packed, by op
 * id: a result that has come back with its slot is there once. (Versions of two shards may be equal.) `slots` has a 1 for each slot wanted.
 */
export function selectResults(
  packed: Buffer,
  wanted: { readonly slots: Uint8Array; readonly aboveLsn: number },
  found: Map<string, Buffer>,
): void {
  for (let at = 0; at < packed.length; at += resultBytes) {
    if (wanted.slots[packed.readUInt16LE(at + opIdBytes)] === 0) continue;
    if (Number(packed.readBigUInt64LE(at + versionAt)) <= wanted.aboveLsn) continue;
    found.set(packed.toString('latin1', at, at + opIdBytes), packed.subarray(at, at + resultBytes));
  }
}
