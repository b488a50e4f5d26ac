/** What clients saw, request by request, as the load generator noted it. */

import { readFileSync } from 'node:fs';

export type Request = {
  readonly kind: 'read' | 'write' | 'increment';
  readonly key: number;
  readonly sentNs: bigint;
  readonly answeredNs: bigint;
  /** Written, seen (0: nothing was there), or what a counter became. */
  readonly value: bigint;
  /** Of a request that was answered with an error or not at all, nobody knows whether it was done. */
  readonly outcome: 'done' | 'unknown';
};

const entryBytes = 32;
const kinds = ['read', 'write', 'increment'] as const;

/** Reads the layout of `struct log_entry` in `load/tally.h`. */
export function historyOf(path: string): Request[] {
  const log = readFileSync(path);
  if (log.length % entryBytes !== 0) throw new Error(`${path} ends within an entry`);
  return Array.from({ length: log.length / entryBytes }, (_, index) => {
    const at = index * entryBytes;
    return {
      sentNs: log.readBigUInt64LE(at),
      answeredNs: log.readBigUInt64LE(at + 8),
      value: log.readBigUInt64LE(at + 16),
      key: log.readUInt32LE(at + 24),
      kind: kinds[log.readUInt8(at + 28)] as Request['kind'],
      outcome: log.readUInt8(at + 29) === 0 ? 'done' : 'unknown',
    };
  });
}
