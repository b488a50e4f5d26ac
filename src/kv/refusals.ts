/** Refusals of operations that every store has to make, in the same words. Pure. */

import { batchBytesMax } from './operation.ts';
import type { FailedOutcome } from './outcome.ts';

/** Answers an operation of an atomic batch in which another one was refused. */
export const batchAborted: FailedOutcome = {
  kind: 'failed',
  code: 'batch-refused',
  detail: 'Nothing was done: another operation of the atomic batch was refused.',
};

export const tooMuchRead: FailedOutcome = {
  kind: 'failed',
  code: 'batch-too-large',
  detail: `The values that one batch reads have at most ${batchBytesMax} bytes in all.`,
};

/** Answers a read in a batch that is sent again after it was applied. */
export const readIsOver: FailedOutcome = {
  kind: 'failed',
  code: 'outcome-unknown',
  detail: 'The batch was applied; what it read then is no longer known.',
};

export const idempotencyKeyReused: FailedOutcome = {
  kind: 'failed',
  code: 'idempotency-key-reused',
  detail: 'This idempotency key has named another request. Use a new one for each new write.',
};

export const nothingToTouch: FailedOutcome = {
  kind: 'failed',
  code: 'key-not-found',
  detail: 'There is no value under this key whose expiry could be set.',
};

/** @param nowMs by the clock of the store */
export function expiryOutOfRange(expiresAtMs: number, nowMs: number): FailedOutcome {
  return {
    kind: 'failed',
    code: 'parameter-invalid',
    detail: `expires-at is in Unix milliseconds, later than now (${nowMs}) and within ten years; ${expiresAtMs} is not.`,
  };
}

export const notANumber: FailedOutcome = {
  kind: 'failed',
  code: 'counter-not-a-number',
  detail: 'The value is not the decimal text of a 64-bit number, as 0, 17 or -5.',
};

export function overflow(before: bigint, by: bigint): FailedOutcome {
  return { kind: 'failed', code: 'counter-overflow', detail: `${before} and ${by} do not fit 64 bits.` };
}
