/** What a client is going to ask. */

export type Intent = {
  readonly kind: 'get' | 'put' | 'delete' | 'touch';
  /** If the key has no value; or has the version that clients were told last. */
  readonly only?: 'if-absent' | 'if-unchanged';
  readonly slot: number;
  readonly key: Buffer;
  /** For which the value is to live. */
  readonly ttlMs?: number;
  /** For which the client does nothing before. */
  readonly restMs?: number;
};
