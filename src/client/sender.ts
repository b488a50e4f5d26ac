/**
 * Sends a request until it is answered. A broken connection, silence and an answer that says "later" are asked again
 * within the deadline: safe for reads, and for writes because each carries an Idempotency-Key.
 */

import { AttemptSignal } from './attempt-signal.ts';
import { checkedHeaders } from './request-headers.ts';
import { errorOf, ShardliteError, unexpectedAnswer } from './shardlite-error.ts';

export type SenderOptions = {
  readonly url: string | URL;
  readonly token: string | undefined;
  /** Within so long a request is answered, however often it is sent. */
  readonly deadlineMs: number;
  /** Within so long one attempt is answered. */
  readonly attemptMs: number;
  /** In place of the platform's own. */
  readonly fetch?: typeof fetch | undefined;
};

export type Request = {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE';
  /** Path and query, from `/v1` on. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly signal?: AbortSignal | undefined;
};

export type Answer = { readonly status: number; readonly headers: Headers; readonly bytes: Uint8Array<ArrayBuffer> };

/** An answer whose body goes on until `close` is called. */
export type OpenStream = { readonly body: ReadableStream<Uint8Array>; readonly close: () => void };

/** Proxies answer so while nobody behind them does, and do not always say when to come back; 507 is a full disk. */
const passingStatuses = new Set([429, 502, 503, 504, 507]);
const firstPauseMs = 50;
const longestPauseMs = 1_000;

type Read<T> = (response: Response, signal: AttemptSignal) => Promise<T>;

type Tried<T> = { readonly answer: T } | { readonly refusal: ShardliteError; readonly pauseMs: number | undefined };

export class Sender {
  readonly deadlineMs: number;
  readonly #base: string;
  readonly #token: string | undefined;
  readonly #attemptMs: number;
  readonly #fetch: typeof fetch | undefined;

  /** @throws TypeError for something that is no URL */
  constructor({ url, token, deadlineMs, attemptMs, fetch }: SenderOptions) {
    this.#base = new URL(url).href.replace(/\/+$/, '');
    this.#token = token;
    this.deadlineMs = deadlineMs;
    this.#attemptMs = attemptMs;
    this.#fetch = fetch;
  }

  /**
   * A success, read to its end.
   * @throws ShardliteError for a refusal or an untrusted certificate, or when the deadline passes; the signal's reason when it aborts
   */
  ask(request: Request): Promise<Answer> {
    return this.#persist(request, this.deadlineMs, async (response, signal) => {
      const bytes = new Uint8Array(await response.arrayBuffer());
      signal.release();
      return { status: response.status, headers: response.headers, bytes };
    });
  }

  /** A success whose body is still to come. @throws as `ask` does, and for a body of another media type */
  open(request: Request, mediaType: string, deadlineMs: number): Promise<OpenStream> {
    return this.#persist(request, deadlineMs, async ({ status, headers, body }, signal) => {
      if (body === null || !headers.get('content-type')?.startsWith(mediaType)) {
        signal.abort();
        throw unexpectedAnswer(status, `it is not ${mediaType}`);
      }
      signal.stopClock();
      return { body, close: () => signal.abort() };
    });
  }

  async #persist<T>(request: Request, deadlineMs: number, read: Read<T>): Promise<T> {
    // Made before the first attempt: a header that cannot be sent is no broken connection.
    const authorization = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
    const headers = checkedHeaders({ ...request.headers, ...authorization });
    const overdueAtMs = performance.now() + deadlineMs;
    for (let attempt = 0; ; attempt++) {
      const signal = new AttemptSignal(request.signal, Math.min(this.#attemptMs, overdueAtMs - performance.now()));
      const tried = await this.#attempt({ ...request, headers }, signal, read);
      if ('answer' in tried) return tried.answer;
      const pauseMs = tried.pauseMs ?? jittered(Math.min(firstPauseMs * 2 ** attempt, longestPauseMs));
      if (performance.now() + pauseMs >= overdueAtMs) throw tried.refusal;
      await pause(pauseMs, request.signal);
    }
  }

  /** @throws ShardliteError for a refusal that asking again does not change */
  async #attempt<T>(
    { path, ...request }: Omit<Request, 'headers'> & { readonly headers: Headers },
    signal: AttemptSignal,
    read: Read<T>,
  ): Promise<Tried<T>> {
    // Called by itself: that of browsers is no method of ours.
    const send = this.#fetch ?? fetch;
    try {
      const response = await send(`${this.#base}${path}`, { ...request, signal: signal.inner });
      if (response.ok) return { answer: await read(response, signal) };
      const refusal = errorOf(response.status, await response.text());
      const pauseMs = pauseAsked(response);
      if (pauseMs === undefined && !isPassing(response.status)) throw refusal;
      signal.release();
      return { refusal, pauseMs };
    } catch (cause) {
      signal.release();
      request.signal?.throwIfAborted();
      if (cause instanceof ShardliteError) throw cause;
      const untrusted = untrustedError(this.#base, cause);
      if (untrusted !== undefined) throw untrusted;
      const message = `${this.#base} gives no answer: ${reasonOf(cause)}`;
      return { refusal: new ShardliteError('no-answer', 0, message, { cause }), pauseMs: undefined };
    }
  }
}

/** Whether the same request may succeed later. */
export function isPassing(status: number): boolean {
  return passingStatuses.has(status);
}

/** Resolves later. @throws the signal's reason when it aborts meanwhile */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Between half of it and all of it: clients that failed together do not come back together. */
export function jittered(ms: number): number {
  return ms * (0.5 + Math.random() / 2);
}

/** Milliseconds. The service says it in whole seconds; a date, which HTTP allows too, is none of its answers. */
function pauseAsked({ headers }: Response): number | undefined {
  const seconds = headers.get('retry-after');
  return seconds !== null && /^\d+$/.test(seconds) ? jittered(Number(seconds) * 1_000) : undefined;
}

/**
 * For a certificate that is self-signed, expired, or for another name: Node checks it before it sends anything.
 * Undefined for what else a fetch may throw; browsers do not tell why it fails.
 */
export function untrustedError(base: string, cause: unknown): ShardliteError | undefined {
  if (!/^(?!ERR_SSL_).*(CERT|LEAF_SIGNATURE)/.test(codeBehind(cause) ?? '')) return undefined;
  const message = `The certificate of ${base} is not trusted here: ${reasonOf(cause)}`;
  return new ShardliteError('certificate-untrusted', 0, message, { cause });
}

/** fetch says "fetch failed" and keeps the reason in the cause. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!(error.cause instanceof Error)) return error.message;
  // What OpenSSL says itself is known to few.
  if (codeBehind(error) === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return 'it does not speak TLS, so its address begins with http://';
  return error.cause.message;
}

/** As Node gives one to each error of the system and of OpenSSL. */
function codeBehind(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
}
