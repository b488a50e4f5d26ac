/** The client: everything that the REST API can do, from JavaScript and TypeScript, with `fetch` and nothing else. */

import { type BatchOperation, type BatchOptions, type BatchResults, nameOf, runBatch } from './batch.ts';
import { type Change, type ChangesOptions, watchChanges } from './change-watch.ts';
import { type Entry, entryOfAnswer, expiryIn, versionOf, withValue } from './entry.ts';
import { GetBatcher } from './get-batcher.ts';
import { type Key, pathOf } from './key.ts';
import { type Listed, type ListOptions, listEntries } from './list-pages.ts';
import { type Deletion, type DeletionOptions, deletePrefix } from './prefix-deletion.ts';
import { type Answer, jittered, pause, type Request, Sender } from './sender.ts';
import { hasCode, unexpectedAnswer } from './shardlite-error.ts';
import { storedOf } from './value.ts';
import {
  type CallOptions,
  expiryParametersOf,
  headersOf,
  type IncrementOptions,
  type PutOptions,
  type TouchOptions,
  type WriteOptions,
} from './write-options.ts';

export type ConnectOptions = {
  /** Sent as `Authorization: Bearer …`. */
  readonly token?: string;
  /** Milliseconds until a call fails, with all its retries: 30,000 by default. */
  readonly deadlineMs?: number;
  /** Milliseconds for one attempt: 10,000 by default. Large values over slow networks may need more. */
  readonly attemptMs?: number;
  /** Whether to send the reads of one turn of the event loop as one batch. */
  readonly batchGets?: boolean;
  /** Instead of the platform's `fetch`, for example one that trusts your own certificate. */
  readonly fetch?: typeof fetch;
};

/** A value after its expiry was set. */
export type Touched = {
  /** The new version of the key. */
  readonly version: number;
  /** When the value expires, in Unix milliseconds; absent for never. */
  readonly expiresAt?: number;
};

export type Written = Touched & {
  /** Whether there was no value before. */
  readonly created: boolean;
};

/** Between two attempts of `update`, at most. */
const updatePauseMs = 20;

/**
 * A client of the service at this URL. It sends nothing yet, and needs no close.
 *
 * @throws TypeError if the URL is not valid
 * @example
 * const kv = connect('http://127.0.0.1:7700');
 * await kv.put('users/ada', { name: 'Ada' });
 * console.log(await kv.get('users/ada'));
 */
export function connect(url: string | URL, options: ConnectOptions = {}): ShardliteClient {
  return new ShardliteClient(url, options);
}

/**
 * A client of one service, made by `connect`. Every method rejects with a `ShardliteError` if the service refuses the
 * request, or does not answer within the deadline. The client retries writes; they are applied once.
 *
 * @example
 * const kv: ShardliteClient = connect('http://127.0.0.1:7700', { token });
 */
export class ShardliteClient {
  readonly #sender: Sender;
  readonly #batcher: GetBatcher | undefined;

  /** Made by `connect`. */
  constructor(
    url: string | URL,
    { token, deadlineMs = 30_000, attemptMs = 10_000, batchGets = false, fetch }: ConnectOptions,
  ) {
    this.#sender = new Sender({ url, token, deadlineMs, attemptMs, fetch });
    this.#batcher = batchGets ? new GetBatcher(this.#sender, (key) => this.#askEntry(key, {})) : undefined;
  }

  /**
   * Returns the value: parsed if it is JSON, a string if it is text, bytes otherwise; undefined if there is none.
   *
   * @throws ShardliteError if the service refuses, or does not answer within the deadline
   * @example
   * const ada = await kv.get<User>('users/ada');
   */
  async get<T = unknown>(key: Key, options: CallOptions = {}): Promise<T | undefined> {
    return (await this.getEntry<T>(key, options))?.value;
  }

  /**
   * Returns the value with its version, content type and expiry; undefined if there is none.
   *
   * @throws ShardliteError as `get` does
   * @example
   * const entry = await kv.getEntry('users/ada');
   * if (entry) await kv.put('users/ada', 'new', { ifVersion: entry.version });
   */
  async getEntry<T = unknown>(key: Key, options: CallOptions = {}): Promise<Entry<T> | undefined> {
    const isAlone = this.#batcher === undefined || options.signal !== undefined;
    return (await (isAlone ? this.#askEntry(key, options) : this.#batcher?.get(key))) as Entry<T> | undefined;
  }

  /**
   * Returns the bytes of the value, whatever its content type; undefined if there is none.
   *
   * @throws ShardliteError as `get` does
   * @example
   * const picture = await kv.getBytes('pictures/ada.png');
   */
  async getBytes(key: Key, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    return (await this.#askBytes(key, options))?.value;
  }

  /**
   * Stores a value: text and bytes unchanged, everything else as JSON. It is on disk when this resolves.
   *
   * @throws TypeError for a value that has no JSON, such as a function
   * @throws ShardliteError `condition-not-met`, `value-too-large` and others; `no-answer` after the deadline
   * @example
   * await kv.put('session/42', { user: 'ada' }, { ttl: 3600 });
   */
  async put(key: Key, value: unknown, options: PutOptions = {}): Promise<Written> {
    const { contentType, body } = storedOf(value, options.contentType);
    const answer = await this.#sender.ask({
      method: 'PUT',
      path: pathOf('kv', key, expiryParametersOf(options)),
      headers: { ...headersOf(options), 'content-type': contentType },
      body,
      signal: options.signal,
    });
    return { version: versionOf(answer), created: answer.status === 201, ...expiryIn(answer.headers) };
  }

  /**
   * Sets when the value expires, and keeps the value. This is a write: the key gets a new version, which is on disk when
   * this resolves. Returns undefined if there is no value.
   *
   * @throws ShardliteError `condition-not-met` with a condition, and as `put` does
   * @example
   * await kv.touch('session/42', { ttl: 3600 });
   * await kv.touch('session/42', { expiresAt: 'never' });
   */
  async touch(key: Key, options: TouchOptions): Promise<Touched | undefined> {
    const answer = await this.#touch(key, options, {});
    return answer && { version: versionOf(answer), ...expiryIn(answer.headers) };
  }

  /**
   * Sets when the value expires and returns the value, in one request. This suits sessions, which live while they are used.
   *
   * @throws ShardliteError as `touch` does; `access-denied` if the token does not allow both reading and writing
   * @example
   * const session = await kv.getAndTouch<Session>('session/42', { ttl: 3600 });
   */
  async getAndTouch<T = unknown>(key: Key, options: TouchOptions): Promise<T | undefined> {
    const answer = await this.#touch(key, options, { prefer: 'return=representation' });
    if (answer === undefined) return undefined;
    // The touch was done, and its answer could not tell the value.
    if (answer.status === 204) return this.get<T>(key, options);
    return withValue(entryOfAnswer(nameOf(key), answer)).value as T;
  }

  /**
   * Deletes the value, if there is one. The deletion is on disk when this resolves.
   *
   * @throws ShardliteError `condition-not-met` with a condition, and as `put` does
   * @example
   * await kv.delete('users/ada');
   */
  async delete(key: Key, options: WriteOptions = {}): Promise<void> {
    const { signal } = options;
    const path = pathOf('kv', key);
    const { status } = await this.#sender.ask({ method: 'DELETE', path, headers: headersOf(options), signal });
    if (status !== 204) throw unexpectedAnswer(status, `its status is ${status}`);
  }

  /**
   * Deletes all keys with this prefix, in small steps. A key that is written after it was listed stays. If the answer breaks
   * off, the client continues, as long as there is progress within the deadline.
   *
   * @throws ShardliteError `parameter-invalid` for an empty prefix without `all`
   * @example
   * const { deleted } = await kv.deletePrefix('sessions/', { onProgress: ({ deleted }) => console.log(deleted) });
   */
  deletePrefix(prefix: Key, options: DeletionOptions = {}): Promise<Deletion> {
    return deletePrefix(this.#sender, prefix, options);
  }

  /**
   * Adds to the 64-bit number under the key and returns the sum. A missing key counts as 0. The sum is a bigint if `by` is
   * one, else a number, which is exact up to 2^53. An increment with an expiry sets it; without, the expiry stays.
   *
   * @throws ShardliteError `counter-not-a-number`, `counter-overflow`, and as `put` does
   * @example
   * const visits = await kv.increment('visits');
   * const inThisMinute = await kv.increment(`hits/${Math.floor(Date.now() / 60_000)}`, 1, { ttl: 120 });
   */
  increment(key: Key, by: bigint, options?: IncrementOptions): Promise<bigint>;
  increment(key: Key, by?: number, options?: IncrementOptions): Promise<number>;
  async increment(key: Key, by: number | bigint = 1, options: IncrementOptions = {}): Promise<number | bigint> {
    const { status, bytes } = await this.#sender.ask({
      method: 'POST',
      path: pathOf('counters', key, { by: String(by), ...expiryParametersOf(options) }),
      headers: headersOf(options),
      signal: options.signal,
    });
    const text = new TextDecoder().decode(bytes);
    if (!/^-?\d{1,19}$/.test(text)) throw unexpectedAnswer(status, 'it is not a number');
    return typeof by === 'bigint' ? BigInt(text) : Number(text);
  }

  /**
   * Lists keys in byte order, or from the last to the first, and reads page after page while the loop runs. A key that is
   * written or deleted meanwhile may or may not come.
   *
   * @throws ShardliteError during the loop, as `get` does
   * @example
   * for await (const { key, value } of kv.list({ prefix: 'users/', values: true })) console.log(key, value);
   */
  list<const Options extends ListOptions>(options?: Options): AsyncGenerator<Listed<Options>, void, undefined> {
    return listEntries(this.#sender, options ?? {}) as AsyncGenerator<Listed<Options>, void, undefined>;
  }

  /**
   * Sends up to 1,000 operations in one request. Each has its own result. With `atomic`, all are applied or none.
   *
   * @throws ShardliteError of the refused operation, with `atomic`
   * @example
   * const [written, read] = await kv.batch([
   *   { op: 'put', key: 'a', value: 1 },
   *   { op: 'get', key: 'b' },
   * ]);
   */
  async batch<const Operations extends readonly BatchOperation[]>(
    operations: Operations,
    options: BatchOptions = {},
  ): Promise<BatchResults<Operations>> {
    return (await runBatch(this.#sender, operations, options)) as BatchResults<Operations>;
  }

  /**
   * Watches writes, deletions and expirations from now on: each change once, and those of one key in order. It reconnects
   * and continues where it was, until you leave the loop or the signal aborts. With `from: 'start'`, every existing key
   * comes first, as a put, so the changes make a replica. If it reconnects during that, a key may come twice.
   *
   * @throws ShardliteError `changes-gone` if it was away for longer than changes are kept
   * @example
   * for await (const { type, key } of kv.changes({ prefix: 'users/' })) console.log(type, key);
   * @example
   * for await (const { type, key, value, gone } of kv.changes({ from: 'start', values: true })) {
   *   if (type !== 'put') replica.delete(key);
   *   else if (!gone) replica.set(key, value);
   * }
   */
  changes(options: ChangesOptions = {}): AsyncGenerator<Change, void, undefined> {
    return watchChanges(this.#sender, options);
  }

  /**
   * Reads a value, calls `change` with it, and writes the result if nobody else wrote meanwhile; otherwise it begins again.
   * The expiry stays. If `change` returns undefined, nothing is written.
   *
   * @param change may be called several times
   * @returns the current value
   * @throws what `change` throws; ShardliteError as `get` and `put` do
   * @example
   * await kv.update<string[]>('tags', (tags = []) => [...tags, 'new']);
   */
  async update<T = unknown>(
    key: Key,
    change: (value: T | undefined) => T | undefined | Promise<T | undefined>,
    options: CallOptions = {},
  ): Promise<T | undefined> {
    const overdueAtMs = performance.now() + this.#sender.deadlineMs;
    for (;;) {
      const entry = await this.getEntry<T>(key, options);
      const value = await change(entry?.value);
      if (value === undefined) return entry?.value;
      const { version, expiresAt } = entry ?? {};
      const condition = version === undefined ? { ifAbsent: true } : { ifVersion: version };
      try {
        await this.put(key, value, { ...options, ...condition, ...(expiresAt !== undefined && { expiresAt }) });
        return value;
      } catch (error) {
        // A value that expired just now has left behind an expiry that no write may have.
        const isOutdated =
          hasCode(error, 'condition-not-met') || (expiresAt !== undefined && hasCode(error, 'parameter-invalid'));
        if (!isOutdated || performance.now() > overdueAtMs) throw error;
      }
      await pause(jittered(updatePauseMs), options.signal);
    }
  }

  async #touch(key: Key, options: TouchOptions, headers: Record<string, string>): Promise<Answer | undefined> {
    const path = pathOf('kv', key, expiryParametersOf(options));
    const { signal } = options;
    return this.#unlessAbsent({ method: 'PATCH', path, headers: { ...headersOf(options), ...headers }, signal });
  }

  async #askEntry(key: Key, options: CallOptions): Promise<Entry | undefined> {
    const entry = await this.#askBytes(key, options);
    return entry && withValue(entry);
  }

  async #askBytes(key: Key, { signal }: CallOptions): Promise<Entry<Uint8Array> | undefined> {
    const answer = await this.#unlessAbsent({ method: 'GET', path: pathOf('kv', key), signal });
    return answer && entryOfAnswer(nameOf(key), answer);
  }

  /** Undefined when the key has no value. */
  async #unlessAbsent(request: Request): Promise<Answer | undefined> {
    try {
      return await this.#sender.ask(request);
    } catch (error) {
      if (hasCode(error, 'key-not-found')) return undefined;
      throw error;
    }
  }
}
