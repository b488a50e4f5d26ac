/**
 * Reads what `operateScript` answers for one operation. Pure.
 *
 *   absent                        ['value', packed]                    ['metadata', first bytes, bytes in all]
 *   created|replaced VERSION [EXPIRY, where Redis's clock decided it]  deleted VERSION
 *   counted VERSION NUMBER [EXPIRY, if it expires]
 *   precondition-failed VERSION   the version that the key has, 0 for none
 *   reused  nothing  nan  overflow NUMBER  expiry WANTED NOW  much  over  alone
 *       refusals: idempotencyKeyReused, nothingToTouch, notANumber, overflow (with the number there is),
 *       expiryOutOfRange, tooMuchRead, readIsOver, batchAborted
 */

import type { KeyOperation } from '../kv/operation.ts';
import { expiryOf, type KeyOutcome } from '../kv/outcome.ts';
import {
  batchAborted,
  expiryOutOfRange,
  idempotencyKeyReused,
  notANumber,
  nothingToTouch,
  overflow,
  readIsOver,
  tooMuchRead,
} from '../kv/refusals.ts';
import { unpackedMetadata, unpackedValue } from './redis-entry.ts';

/** @throws RangeError when no script of ours answers this */
export function outcomeOf(reply: unknown, operation: KeyOperation): KeyOutcome {
  if (Array.isArray(reply)) {
    const [kind, bytes, packedBytes] = reply as [Buffer, Buffer, number];
    return kind.toString() === 'value' ? unpackedValue(bytes) : unpackedMetadata(bytes, packedBytes);
  }
  const [kind = '', first = '', second = '', third = ''] = String(reply).split(' ');
  switch (kind) {
    case 'absent':
      return { kind };
    case 'created':
    case 'replaced':
      return { kind, version: versionOf(first), ...expiryOf(Number(second)) };
    case 'deleted':
    case 'precondition-failed':
      return { kind, version: versionOf(first) };
    case 'counted':
      return { kind, version: versionOf(first), number: BigInt(second), ...expiryOf(Number(third)) };
    case 'reused':
      return idempotencyKeyReused;
    case 'nothing':
      return nothingToTouch;
    case 'nan':
      return notANumber;
    case 'overflow':
      return overflow(BigInt(first), operation.kind === 'increment' ? operation.by : 0n);
    case 'expiry':
      return expiryOutOfRange(Number(first), Number(second));
    case 'much':
      return tooMuchRead;
    case 'over':
      return readIsOver;
    case 'alone':
      return batchAborted;
    default:
      throw new RangeError(`Redis answered an operation with ${JSON.stringify(String(reply))}`);
  }
}

function versionOf(text: string): number {
  const version = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(version)) throw new RangeError(`Redis gave the version ${text}`);
  return version;
}
