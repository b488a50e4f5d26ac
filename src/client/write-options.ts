/** What a write may carry: when its value ends, under which condition it happens, and its name. Pure. */

export type CallOptions = {
  /** Ends the call with the signal's reason. A write that is under way then may be applied or not. */
  readonly signal?: AbortSignal;
};

/** A write whose condition does not hold changes nothing, and is refused with the code `condition-not-met`. */
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
     * Names this write, in 1 to 255 visible ASCII characters: under one name it is applied once within 24 hours, also
     * when another process asks again. Each call has a name of its own unless this is given.
     */
    readonly idempotencyKey?: string;
  };

/** At most one of the two, each within ten years. */
export type ExpiryOptions = {
  /** The value is gone after so many seconds: a whole number from 1 on. */
  readonly ttl?: number;
  /** The value is gone from then on: Unix milliseconds, or never. */
  readonly expiresAt?: number | 'never';
};

/** One of the two. */
export type NewExpiry =
  | { readonly ttl: number; readonly expiresAt?: never }
  | { readonly expiresAt: number | 'never'; readonly ttl?: never };

export type TouchOptions = WriteOptions & NewExpiry;

export type IncrementOptions = WriteOptions & ExpiryOptions;

export type PutOptions = WriteOptions &
  ExpiryOptions & {
    /** In place of the one that the value's own type says. */
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
