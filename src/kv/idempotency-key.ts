/** How a client names a write that it may send again. Pure. */

import type { OpId } from './op-id.ts';

/** A write that carries one is applied once, however often it is sent while the key is kept. */
export type IdempotencyKey = {
  /** The client's name for the write, hashed together with the key that is written. */
  readonly opId: OpId;
  /** Hash of the request: the same name for another request is a mistake. */
  readonly fingerprint: Buffer;
};
export const fingerprintBytes = 8;
/** For how long it is kept: whoever sends the write later than that writes anew. */
export const idempotencyKeptMs = 24 * 3_600_000;
