/** The options of writes: expiry, conditions, and the idempotency key. Pure. */

export type CallOptions = {
  /** Ends the call with the signal's reason. A write that is under way may or may not be applied. */
  readonly signal?: AbortSignal;
};

/** If the condition of a write fails, nothing changes, and the write rejects with the code `condition-not-met`. */
export type ConditionOptions = {
  /** Only if the key has this version. */
  readonly ifVersion?: number;
  /** Only if the key has no value. */
  readonly ifAbsent?: boolean;
  /** Only if the key has a value. */
  readonly ifPresent?: boolean;
};

export type WriteOptions = CallOptions &
  ConditionOptions & {
    /**
     * 1 to 255 visible ASCII characters. Writes with the same key are applied once within 24 hours, even if another
     * process sends them. By default, each call has its own.
     */
    readonly idempotencyKey?: string;
  };

/** At most one of the two. Each must be within ten years. */
export type ExpiryOptions = {
  /** Seconds until the value expires: a whole number from 1. */
  readonly ttl?: number;
  /** When the value expires: Unix milliseconds, or never. */
  readonly expiresAt?: number | 'never';
};

/** One of the two. */
export type NewExpiry =
  | {
      /** Seconds until the value expires: a whole number from 1. */
      readonly ttl: number;
      readonly expiresAt?: never;
    }
  | {
      /** When the value expires: Unix milliseconds, or never. */
      readonly expiresAt: number | 'never';
      readonly ttl?: never;
    };

export type TouchOptions = WriteOptions & NewExpiry;

export type IncrementOptions = WriteOptions & ExpiryOptions;

export type PutOptions = WriteOptions &
  ExpiryOptions & {
    /** By default, the type of the value decides. */
    readonly contentType?: string;
  };

/** A condition as HTTP writes it. */
export function conditionOf({ ifVersion, ifAbsent, ifPresent }: ConditionOptions): {
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
} {
  const ifMatch = ifVersion === undefined ? ifPresent && '*' : `"${ifVersion}"`;
  return { ...(ifMatch && { ifMatch }), ...(ifAbsent && { ifNoneMatch: '*' }) };
}

export function headersOf(options: WriteOptions): Record<string, string> {
  const { ifMatch, ifNoneMatch } = conditionOf(options);
  return {
    'idempotency-key': options.idempotencyKey ?? newName(),
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
    ...(ifNoneMatch !== undefined && { 'if-none-match': ifNoneMatch }),
  };
}

/** 128 random bits. `crypto.randomUUID` is missing in pages that came without TLS. */
export function newName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @throws nothing: the service says what is wrong with a number */
export function expiryParametersOf({ ttl, expiresAt }: ExpiryOptions): Record<string, string | undefined> {
  return { ttl: ttl?.toString(), 'expires-at': expiresAt?.toString() };
}
