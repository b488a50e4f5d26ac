/**
 * When a value is to be gone, as a client says it: in so many seconds, or at a time. Whether that time is still to come is
 * for the store to say, by whose clock it will be over.
 */

import { KvError } from '../../kv/errors.ts';
import { type Expiry, lifetimeMsMax } from '../../kv/operation.ts';
import { wholeNumber } from './parameters.ts';

export const ttlSecondsMax = lifetimeMsMax / 1_000;
/** As `expires-at`. */
export const never = 'never';

/**
 * As a part of a write; nothing when nothing was said.
 * @throws KvError parameter-invalid
 */
export function expiryWanted(ttl: string | undefined, expiresAt: string | undefined): Expiry {
  const seconds = wholeNumber('ttl', ttl, { min: 1, max: ttlSecondsMax });
  const atMs = expiresAt === never ? 0 : wholeNumber('expires-at', expiresAt, { min: 1, max: Number.MAX_SAFE_INTEGER });
  if (seconds === undefined && atMs === undefined) return {};
  if (seconds !== undefined && atMs !== undefined) {
    throw new KvError('parameter-invalid', 'Use either ttl (seconds) or expires-at (Unix milliseconds), not both.');
  }
  if (seconds !== undefined) return { ttlMs: seconds * 1_000 };
  return atMs === undefined ? {} : { expiresAtMs: atMs };
}

/**
 * The same, for a write that is about nothing else.
 * @throws KvError parameter-invalid
 */
export function expiryNeeded(ttl: string | undefined, expiresAt: string | undefined): Expiry {
  if (ttl !== undefined || expiresAt !== undefined) return expiryWanted(ttl, expiresAt);
  throw new KvError(
    'parameter-invalid',
    `Say when the value is to be gone: ttl (seconds) or expires-at (Unix milliseconds, or ${never}).`,
  );
}
