/** When a value is to be gone, as a client says it: in so many seconds, or at a time. */

import { KvError } from '../../kv/errors.ts';
import { wholeNumber } from './parameters.ts';

/** Ten years. */
export const ttlSecondsMax = 315_360_000;

/**
 * Unix milliseconds; undefined when nothing was said.
 * @throws KvError parameter-invalid
 */
export function expiresAtMsOf(ttl: string | undefined, expiresAt: string | undefined): number | undefined {
  const seconds = wholeNumber('ttl', ttl, { min: 1, max: ttlSecondsMax });
  const nowMs = Date.now();
  const atMs = wholeNumber('expires-at', expiresAt, { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (seconds === undefined && atMs === undefined) return undefined;
  if (seconds !== undefined && atMs !== undefined) {
    throw new KvError('parameter-invalid', 'Say either ttl (seconds) or expires-at (Unix milliseconds), not both.');
  }
  if (seconds !== undefined) return nowMs + seconds * 1_000;
  const latestMs = nowMs + ttlSecondsMax * 1_000;
  if (atMs === undefined || (atMs > nowMs && atMs <= latestMs)) return atMs;
  throw new KvError(
    'parameter-invalid',
    `expires-at is in Unix milliseconds, later than now (${nowMs}) and within ten years; ${atMs} is not.`,
  );
}
