/** The client: everything that the REST API can do, from JavaScript and TypeScript, with `fetch` and nothing else. */

import { type BatchOperation, type BatchOptions, type BatchResults, nameOf, runBatch } from './batch.ts';
import { type Change, type ChangesOptions, watchChanges } from './change-watch.ts';
import { type Entry, entryOfAnswer, expiryIn, versionOf, withValue } from './entry.ts';
import { GetBatcher } from './get-batcher.ts';
import { type Key, pathOf } from './key.ts';
import { type Listed, type ListOptions, listEntries } from './list-pages.ts';
import { type Deletion, type DeletionOptions, deletePrefix } from './prefix-deletion.ts';
import { type Answer, jittered, pause, type Request, Sender } from './sender.ts';
import { hasCode } from './shardlite-error.ts';
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
  /** Milliseconds within which a call is answered or fails, however often it is sent again: 30,000 unless said. */
  readonly deadlineMs?: number;
  /** Milliseconds for one attempt: 10,000 unless said. Large values over slow lines may want more. */
  readonly attemptMs?: number;
  /** Whether reads that are asked for in one turn of the event loop leave as one batch. */
  readonly batchGets?: boolean;
  /** In place of the platform's `fetch`: one that trusts a certificate of your own, or that counts. */
  readonly fetch?: typeof fetch;
};

/** What a value has after its expiry was set. */
export type Touched = {
  readonly version: number;
  /** Unix milliseconds; absent for never. */
  readonly expiresAt?: number;
};

export type Written = Touched & {
  /** Whether there was no value before. */
  readonly created: boolean;
};

/** Between two attempts of `update`, at most. */
const updatePauseMs = 20;

/**
 * A client of the service at this URL. Nothing is sent yet, and nothing has to be closed.
 *
 * @throws TypeError for something that is no URL
 * @example
 * const kv = connect('http://127.0.0.1:7700');
 * await kv.put('users/ada', { name: 'Ada' });
 * console.log(await kv.get('users/ada'));
 */
export function connect(url: string | URL, options: ConnectOptions = {}): ShardliteClient {
  return new ShardliteClient(url, options);
}

/**
 * A client of one service, made by `connect`. Every method rejects with a `ShardliteError` when the service refuses, or does not answer within the deadline. Writes
 * are sent again as long as nobody knows whether they were applied, and are applied once.
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
   * The value: what JSON says where it is stored as JSON, a string where it is text, bytes otherwise. Undefined where
   * there is none.
   *
   * @throws ShardliteError when the service refuses, or gives no answer within the deadline
   * @example
   * const ada = await kv.get<User>('users/ada');
   */
  async get<T = unknown>(key: Key, options: CallOptions = {}): Promise<T | undefined> {
    return (await this.getEntry<T>(key, options))?.value;
  }

  /**
   * The value with its version, content type and expiry. Undefined where there is none.
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
   * The value byte for byte, whatever its content type. Undefined where there is none.
   *
   * @throws ShardliteError as `get` does
   * @example
   * const picture = await kv.getBytes('pictures/ada.png');
   */
  async getBytes(key: Key, options: CallOptions = {}): Promise<Uint8Array | undefined> {
    return (await this.#askBytes(key, options))?.value;
  }

  /**
   * Stores a value: text and bytes as they are, everything else as JSON. It is on disk when this resolves.
   *
   * @throws TypeError for a value that is neither and has no JSON, such as a function
   * @throws ShardliteError `condition-not-met`, `value-too-large` and others; `no-answer` after the deadline
   * @example
   * await kv.put('session/42', { user: 'ada' }, { ttl: 3600 });
   */
  async put(key: Key, value: unknown, options: PutOptions = {}): Promise<Written> {
    const { contentType, body } = storedOf(value, options.contentType);
    const { status, headers } = await this.#sender.ask({
      method: 'PUT',
      path: pathOf('kv', key, expiryParametersOf(options)),
      headers: { ...headersOf(options), 'content-type': contentType },
      body,
      signal: options.signal,
    });
    return { version: versionOf(headers), created: status === 201, ...expiryIn(headers) };
  }

  /**
   * Sets when the value expires, and changes nothing else of it. It is a write: the version is a new one. Undefined where
   * there is no value. It is on disk when this resolves.
   *
   * @throws ShardliteError `condition-not-met` with a condition, and as `put` does
   * @example
   * await kv.touch('session/42', { ttl: 3600 });
   * await kv.touch('session/42', { expiresAt: 'never' });
   */
  async touch(key: Key, options: TouchOptions): Promise<Touched | undefined> {
    const answer = await this.#touch(key, options, {});
    return answer && { version: versionOf(answer.headers), ...expiryIn(answer.headers) };
  }

  /**
   * Sets when the value expires, and gives the value, in one request: for sessions, which live on while they are used.
   *
   * @throws ShardliteError as `touch` does; `access-denied` where the token does not allow both reading and writing
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
   * Leaves no value under the key, whether there was one or not. It is on disk when this resolves.
   *
   * @throws ShardliteError `condition-not-met` with a condition, and as `put` does
   * @example
   * await kv.delete('users/ada');
   */
  async delete(key: Key, options: WriteOptions = {}): Promise<void> {
    const { signal } = options;
    await this.#sender.ask({ method: 'DELETE', path: pathOf('kv', key), headers: headersOf(options), signal });
  }

  /**
   * Deletes all keys that begin so, in small steps. A key that is written after it was listed stays. Where it breaks off it
   * goes on by itself, as long as it makes progress within the deadline.
   *
   * @throws ShardliteError `parameter-invalid` for an empty prefix without `all`
   * @example
   * const { deleted } = await kv.deletePrefix('sessions/', { onProgress: ({ deleted }) => console.log(deleted) });
   */
  deletePrefix(prefix: Key, options: DeletionOptions = {}): Promise<Deletion> {
    return deletePrefix(this.#sender, prefix, options);
  }

  /**
   * Adds to the 64-bit number under the key, where no value counts as 0, and gives the sum: as a bigint to whoever adds a
   * bigint, else as a number, which is exact up to 2^53. An expiry is set with each increment that says one; without, it
   * stays as it was.
   *
   * @throws ShardliteError `counter-not-a-number`, `counter-overflow`, and as `put` does
   * @example
   * const visits = await kv.increment('visits');
   * const inThisMinute = await kv.increment(`hits/${Math.floor(Date.now() / 60_000)}`, 1, { ttl: 120 });
   */
  increment(key: Key, by: bigint, options?: IncrementOptions): Promise<bigint>;
  increment(key: Key, by?: number, options?: IncrementOptions): Promise<number>;
  async increment(key: Key, by: number | bigint = 1, options: IncrementOptions = {}): Promise<number | bigint> {
    const { bytes } = await this.#sender.ask({
      method: 'POST',
      path: pathOf('counters', key, { by: String(by), ...expiryParametersOf(options) }),
      headers: headersOf(options),
      signal: options.signal,
    });
    const text = new TextDecoder().decode(bytes);
    return typeof by === 'bigint' ? BigInt(text) : Number(text);
  }

  /**
   * Every key in the order of its bytes, or from the last to the first, read page by page as the loop goes on. A key that is
   * written or deleted meanwhile may be told or not.
   *
   * @throws ShardliteError while the loop goes on, as `get` does
   * @example
   * for await (const { key, value } of kv.list({ prefix: 'users/', values: true })) console.log(key, value);
   */
  list<const Options extends ListOptions>(options?: Options): AsyncGenerator<Listed<Options>, void, undefined> {
    return listEntries(this.#sender, options ?? {}) as AsyncGenerator<Listed<Options>, void, undefined>;
  }

  /**
   * Up to 1,000 operations in one request; each has a result of its own. With `atomic` all are done or none.
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
   * What is written, deleted and expires from now on, each change once and those of one key in their order. It comes back
   * by itself where it was, until the loop is left or the signal aborts. With `from: 'start'` it tells first of every key
   * that is there, as a put: what it tells makes a replica. A watch that comes back while it does may tell again of what
   * it has told.
   *
   * @throws ShardliteError `changes-gone` when it was away for longer than changes are kept
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
   * Reads a value, lets `change` make the next one of it, and writes that if nobody has written meanwhile; otherwise again
   * from the start. The expiry stays. Where `change` gives undefined nothing is written.
   *
   * @param change may be called several times
   * @returns the value that is there now
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
