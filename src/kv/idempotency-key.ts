/** How a client names a write that it may send again. */

import type { OpId } from './op-id.ts';

/** A client that may send a write again gave it a name (Idempotency-Key): it is applied once for as long as that is kept. */
export type IdempotencyKey = {
  readonly opId: OpId;
  /** Of what was asked: the same name for something else is a mistake. */
  readonly fingerprint: Buffer;
};
export const fingerprintBytes = 8;
/** For how long a name counts. */
export const idempotencyKeptMs = 24 * 3_600_000;
