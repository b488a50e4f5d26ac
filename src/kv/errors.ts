/**
 * Everything that can go wrong with a request: the stable codes that clients see, and whether trying again may help.
 * How HTTP says it is in `http/error-status.ts`. Pure: it knows no transport.
 */

type ErrorRow = {
  /** Whether the same request, sent again later, may succeed. */
  readonly retryable: boolean;
};

export const errorTable = {
  'request-malformed': { retryable: false },
  'key-empty': { retryable: false },
  'key-malformed': { retryable: false },
  'parameter-unknown': { retryable: false },
  'parameter-invalid': { retryable: false },
  'batch-malformed': { retryable: false },
  'batch-slots-differ': { retryable: false },
  'condition-malformed': { retryable: false },
  'idempotency-key-invalid': { retryable: false },
  'content-type-invalid': { retryable: false },
  'content-range-unsupported': { retryable: false },
  'token-required': { retryable: false },
  'token-invalid': { retryable: false },
  'origin-not-allowed': { retryable: false },
  'access-denied': { retryable: false },
  'key-not-found': { retryable: false },
  'route-unknown': { retryable: false },
  'method-not-allowed': { retryable: false },
  'counter-not-a-number': { retryable: false },
  'counter-overflow': { retryable: false },
  'request-timeout': { retryable: true },
  'changes-gone': { retryable: false },
  'condition-not-met': { retryable: false },
  'value-too-large': { retryable: false },
  'batch-too-large': { retryable: false },
  'key-too-long': { retryable: false },
  'content-encoding-unsupported': { retryable: false },
  'batch-type-unsupported': { retryable: false },
  'range-not-satisfiable': { retryable: false },
  'expectation-failed': { retryable: false },
  'host-not-allowed': { retryable: false },
  'idempotency-key-reused': { retryable: false },
  'batch-refused': { retryable: false },
  'rate-exceeded': { retryable: true },
  'headers-too-large': { retryable: false },
  'internal-error': { retryable: false },
  'transfer-coding-unsupported': { retryable: false },
  'shard-unavailable': { retryable: true },
  'outcome-unknown': { retryable: true },
  overloaded: { retryable: true },
  'not-ready': { retryable: true },
  'disk-full': { retryable: true },
  'store-unavailable': { retryable: true },
  'store-read-only': { retryable: true },
  'store-denied': { retryable: true },
  'store-evicting': { retryable: true },
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
}
