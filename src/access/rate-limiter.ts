/**
 * How many requests each client may make in a time: a token bucket for each, which holds what it may make at once, and
 * fills at an even pace. Exact within one process. Pure: whoever asks says what time it is.
 */

export type RateLimit = {
  readonly requests: number;
  readonly windowS: number;
};

export const rateLimitPattern = /^([1-9]\d{0,8})\/([smh])$/;
const windowsS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };

/** @param text as `rateLimitPattern` allows it, e.g. `1000/s` */
export function rateLimitOf(text: string): RateLimit {
  const [, requests, unit = ''] = rateLimitPattern.exec(text) ?? [];
  return { requests: Number(requests), windowS: windowsS[unit] as number };
}

export type RateVerdict = {
  readonly isAllowed: boolean;
  /** Requests that may follow at once. */
  readonly remaining: number;
  /** Seconds until the next request is allowed, where this one is not; else until all are. */
  readonly waitS: number;
};

/** Some 10 MiB. Clients beyond so many in one window share a bucket. */
export const bucketsMax = 100_000;
/** No client has this name. */
const allOthers = '';

type Bucket = { left: number; atMs: number };

export class RateLimiter {
  readonly limit: RateLimit;
  readonly #windowMs: number;
  /** Those of the clients that asked since the turn, and those that asked in the window before it. */
  #young = new Map<string, Bucket>();
  #old = new Map<string, Bucket>();
  #turnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(limit: RateLimit) {
    this.limit = limit;
    this.#windowMs = limit.windowS * 1_000;
  }

  /** @param nowMs by a clock that never goes back */
  take(client: string, nowMs: number): RateVerdict {
    const bucket = this.#bucketOf(client, nowMs);
    const isAllowed = bucket.left >= 1;
    if (isAllowed) bucket.left--;
    const { requests, windowS } = this.limit;
    const missing = isAllowed ? requests - bucket.left : 1 - bucket.left;
    return { isAllowed, remaining: Math.floor(bucket.left), waitS: Math.ceil((missing * windowS) / requests) };
  }

  /** Whether a request would be refused now. */
  isSpent(client: string, nowMs: number): boolean {
    return this.#bucketOf(client, nowMs).left < 1;
  }

  #bucketOf(client: string, nowMs: number): Bucket {
    if (nowMs - this.#turnedAtMs >= this.#windowMs) this.#turn(nowMs);
    const known = this.#young.get(client) ?? this.#old.get(client);
    const isRoom = this.#young.size < bucketsMax || this.#young.has(client);
    if (!isRoom && client !== allOthers) return this.#bucketOf(allOthers, nowMs);
    const { requests } = this.limit;
    const bucket = known ?? { left: requests, atMs: nowMs };
    bucket.left = Math.min(requests, bucket.left + ((nowMs - bucket.atMs) * requests) / this.#windowMs);
    bucket.atMs = nowMs;
    this.#young.set(client, bucket);
    return bucket;
  }

  /** A bucket that nobody has taken from for a window is full, as a new one is: it can be forgotten. */
  #turn(nowMs: number): void {
    this.#old = nowMs - this.#turnedAtMs >= 2 * this.#windowMs ? new Map() : this.#young;
    this.#young = new Map();
    this.#turnedAtMs = nowMs;
  }
}
