/** When a value is to be gone, as a client says it: in so many seconds, or at a time. */

import { KvError } from '../../kv/errors.ts';
import type { PutOperation } from '../../kv/operation.ts';
import { wholeNumber } from './parameters.ts';

/** Ten years. */
export const ttlSecondsMax = 315_360_000;

/**
 * As a part of a write; nothing when nothing was said.
 * @throws KvError parameter-invalid
 */
export function expiryWanted(
  ttl: string | undefined,
  expiresAt: string | undefined,
): Pick<PutOperation, 'expiresAtMs' | 'ttlMs'> {
  const seconds = wholeNumber('ttl', ttl, { min: 1, max: ttlSecondsMax });
  const nowMs = Date.now();
  const atMs = wholeNumber('expires-at', expiresAt, { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (seconds === undefined && atMs === undefined) return {};
  if (seconds !== undefined && atMs !== undefined) {
    throw new KvError('parameter-invalid', 'Say either ttl (seconds) or expires-at (Unix milliseconds), not both.');
  }
  if (seconds !== undefined) return { expiresAtMs: nowMs + seconds * 1_000, ttlMs: seconds * 1_000 };
  const latestMs = nowMs + ttlSecondsMax * 1_000;
  if (atMs !== undefined && atMs > nowMs && atMs <= latestMs) return { expiresAtMs: atMs };
  throw new KvError(
    'parameter-invalid',
    `expires-at is in Unix milliseconds, later than now (${nowMs}) and within ten years; ${atMs} is not.`,
  );
}
