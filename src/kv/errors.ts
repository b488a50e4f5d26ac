/**
 * The one table of everything that can go wrong with a request. HTTP statuses, the README's table and
 * the conformance tests are all derived from it or checked against it. Pure: it knows no transport.
 */

type ErrorRow = {
  /** HTTP status of the answer. */
  readonly status: number;
  /** Short and the same for every occurrence of the code. */
  readonly title: string;
  /** Whether the same request, sent again later, may succeed. Such answers carry `Retry-After`. */
  readonly retryable: boolean;
};

export const errorTable = {
  'request-malformed': { status: 400, title: 'The request is not valid HTTP', retryable: false },
  'key-empty': { status: 400, title: 'The key is empty', retryable: false },
  'key-malformed': { status: 400, title: 'The key is not encoded correctly', retryable: false },
  'parameter-unknown': { status: 400, title: 'A query parameter is unknown', retryable: false },
  'parameter-invalid': { status: 400, title: 'A query parameter has a wrong value', retryable: false },
  'batch-malformed': { status: 400, title: 'The batch is not as it should be', retryable: false },
  'batch-slots-differ': { status: 400, title: 'The keys of an atomic batch are of several slots', retryable: false },
  'condition-malformed': { status: 400, title: 'The condition is not an entity tag', retryable: false },
  'idempotency-key-invalid': { status: 400, title: 'The idempotency key cannot be used', retryable: false },
  'content-type-invalid': { status: 400, title: 'The content type cannot be stored', retryable: false },
  'content-range-unsupported': { status: 400, title: 'A value can only be written whole', retryable: false },
  'key-not-found': { status: 404, title: 'There is no value under this key', retryable: false },
  'route-unknown': { status: 404, title: 'There is nothing at this path', retryable: false },
  'method-not-allowed': { status: 405, title: 'The method is not allowed here', retryable: false },
  'counter-not-a-number': { status: 409, title: 'The value is not a number', retryable: false },
  'counter-overflow': { status: 409, title: 'The counter would not fit 64 bits', retryable: false },
  'request-timeout': { status: 408, title: 'The request did not arrive in time', retryable: true },
  'changes-gone': { status: 410, title: 'The changes since then are not kept any more', retryable: false },
  'condition-not-met': { status: 412, title: 'The condition of the request does not hold', retryable: false },
  'value-too-large': { status: 413, title: 'The value is too large', retryable: false },
  'batch-too-large': { status: 413, title: 'The batch is too large', retryable: false },
  'key-too-long': { status: 414, title: 'The key is too long', retryable: false },
  'content-encoding-unsupported': { status: 415, title: 'The content encoding cannot be stored', retryable: false },
  'range-not-satisfiable': { status: 416, title: 'The range lies outside the value', retryable: false },
  'host-not-allowed': { status: 421, title: 'This host name is not served here', retryable: false },
  'idempotency-key-reused': { status: 422, title: 'The idempotency key names another request', retryable: false },
  'batch-refused': { status: 424, title: 'Another operation of the batch was refused', retryable: false },
  'headers-too-large': { status: 431, title: 'The request headers are too large', retryable: false },
  'internal-error': { status: 500, title: 'The service has a defect', retryable: false },
  'shard-unavailable': { status: 503, title: 'The shard of this key is not serving', retryable: true },
  'outcome-unknown': { status: 503, title: 'The write may or may not have been applied', retryable: true },
  overloaded: { status: 503, title: 'Too many requests are waiting', retryable: true },
  'not-ready': { status: 503, title: 'The service is not ready', retryable: true },
  'disk-full': { status: 507, title: 'The disk is full', retryable: true },
  'store-unavailable': { status: 503, title: 'The store does not answer', retryable: true },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

/** An error that a client caused or has to know of. `message` says what is allowed or what to do. */
export class KvError extends Error {
  override readonly name = 'KvError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}
