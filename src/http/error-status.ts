/** How HTTP says each error. The table in docs/api.md, the OpenAPI document and conformance tests are checked against it. */

import type { ErrorCode } from '../kv/errors.ts';
import type { Outcome } from '../kv/outcome.ts';

type ErrorStatus = {
  readonly status: number;
  /** Short and the same for every occurrence of the code. */
  readonly title: string;
};

export const errorStatus = {
  'request-malformed': { status: 400, title: 'The request is not valid HTTP' },
  'key-empty': { status: 400, title: 'The key is empty' },
  'key-malformed': { status: 400, title: 'The key is not encoded correctly' },
  'parameter-unknown': { status: 400, title: 'A query parameter is unknown' },
  'parameter-invalid': { status: 400, title: 'A query parameter has an invalid value' },
  'batch-malformed': { status: 400, title: 'The batch is malformed' },
  'batch-slots-differ': { status: 400, title: 'The keys of an atomic batch have different slots' },
  'condition-malformed': { status: 400, title: 'The condition is not an entity tag' },
  'idempotency-key-invalid': { status: 400, title: 'The idempotency key cannot be used' },
  'content-type-invalid': { status: 400, title: 'The content type cannot be stored' },
  'content-range-unsupported': { status: 400, title: 'Partial writes are not supported' },
  'token-required': { status: 401, title: 'A token is required' },
  'token-invalid': { status: 401, title: 'The token is not valid' },
  'origin-not-allowed': { status: 403, title: 'Web pages of this origin may not write here' },
  'access-denied': { status: 403, title: 'The token does not allow this' },
  'key-not-found': { status: 404, title: 'There is no value under this key' },
  'route-unknown': { status: 404, title: 'The path is unknown' },
  'method-not-allowed': { status: 405, title: 'The method is not allowed for this path' },
  'counter-not-a-number': { status: 409, title: 'The value is not a number' },
  'counter-overflow': { status: 409, title: 'The counter would not fit 64 bits' },
  'request-timeout': { status: 408, title: 'The request did not arrive in time' },
  'changes-gone': { status: 410, title: 'The changes since then are no longer kept' },
  'condition-not-met': { status: 412, title: 'The condition of the request failed' },
  'value-too-large': { status: 413, title: 'The value is too large' },
  'batch-too-large': { status: 413, title: 'The batch is too large' },
  'key-too-long': { status: 414, title: 'The key is too long' },
  'content-encoding-unsupported': { status: 415, title: 'The content encoding cannot be stored' },
  'batch-type-unsupported': { status: 415, title: 'The content type is not allowed for a batch' },
  'range-not-satisfiable': { status: 416, title: 'The range is outside the value' },
  'expectation-failed': { status: 417, title: 'The expectation cannot be met' },
  'host-not-allowed': { status: 421, title: 'This host name is not served here' },
  'idempotency-key-reused': { status: 422, title: 'The idempotency key belongs to another request' },
  'batch-refused': { status: 424, title: 'Another operation of the batch failed' },
  'rate-exceeded': { status: 429, title: 'Too many requests' },
  'headers-too-large': { status: 431, title: 'The request headers are too large' },
  'internal-error': { status: 500, title: 'Internal error' },
  'transfer-coding-unsupported': { status: 501, title: 'The transfer coding is not supported' },
  'shard-unavailable': { status: 503, title: 'The shard of this key is unavailable' },
  'outcome-unknown': { status: 503, title: 'The write may or may not have been applied' },
  overloaded: { status: 503, title: 'Too many requests are waiting' },
  'not-ready': { status: 503, title: 'The service is not ready' },
  'disk-full': { status: 507, title: 'The disk is full' },
  'store-unavailable': { status: 503, title: 'The store does not answer' },
  'store-read-only': { status: 503, title: 'The store is read-only' },
  'store-denied': { status: 503, title: 'The store denies the service access' },
  'store-evicting': { status: 503, title: 'The store may evict values' },
} as const satisfies Record<ErrorCode, ErrorStatus>;

/** Of the service, not of the request. */
export function isServiceFailure(outcome: Outcome): boolean {
  if (outcome.kind === 'batch') return outcome.outcomes.some(isServiceFailure);
  return outcome.kind === 'failed' && errorStatus[outcome.code].status >= 500;
}
