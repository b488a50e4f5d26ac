/** Refusals of operations that every store has to make, in the same words. Pure. */

import { batchBytesMax } from './operation.ts';
import type { FailedOutcome } from './outcome.ts';

/** Answers an operation of an atomic batch in which another one was refused. */
export const batchAborted: FailedOutcome = {
  kind: 'failed',
  code: 'batch-refused',
  detail: 'Nothing was applied: another operation of the atomic batch failed.',
};

export const tooMuchRead: FailedOutcome = {
  kind: 'failed',
  code: 'batch-too-large',
  detail: `The values that one batch reads may have at most ${batchBytesMax} bytes together.`,
};

/** Answers a read in a batch that is sent again after it was applied. */
export const readIsOver: FailedOutcome = {
  kind: 'failed',
  code: 'outcome-unknown',
  detail: 'The batch was applied. The values that it read are no longer known.',
};

export const idempotencyKeyReused: FailedOutcome = {
  kind: 'failed',
  code: 'idempotency-key-reused',
  detail: 'This idempotency key was used for another request. Use a new one for each write.',
};

export const nothingToTouch: FailedOutcome = {
  kind: 'failed',
  code: 'key-not-found',
  detail: 'There is no value under this key, so its expiry cannot be set.',
};

/** @param nowMs by the clock of the store */
export function expiryOutOfRange(expiresAtMs: number, nowMs: number): FailedOutcome {
  return {
    kind: 'failed',
    code: 'parameter-invalid',
    detail: `expires-at must be in Unix milliseconds, later than now (${nowMs}) and within ten years, not ${expiresAtMs}.`,
  };
}

export const notANumber: FailedOutcome = {
  kind: 'failed',
  code: 'counter-not-a-number',
  detail: 'The value must be a 64-bit number as decimal text, such as 0, 17 or -5.',
};

export function overflow(before: bigint, by: bigint): FailedOutcome {
  return { kind: 'failed', code: 'counter-overflow', detail: `${before} plus ${by} does not fit into 64 bits.` };
}
