/** Shardlite as a store of Keyv 5: caches and sessions of programs that know Keyv already. */

import type { KeyvStoreAdapter } from 'keyv';
import { type ConnectOptions, connect, type ShardliteClient } from '../client/connect.ts';
import { hasCode } from '../client/shardlite-error.ts';
import { deleteUnder } from './keys-under.ts';

export type KeyvShardliteOptions = Omit<ConnectOptions, 'batchGets'> & {
  /** All keys begin with this (default: `keyv/`). The store never lists or clears other keys. */
  readonly prefix?: string;
};

/** The longest that the service lets a value live, in seconds. */
const ttlSecondsMax = 315_360_000;

/**
 * A store for `new Keyv({ store })`. Values also expire in the service, up to one second later than in Keyv.
 *
 * @throws TypeError if the URL is not valid
 * @example
 * const cache = new Keyv({ store: new KeyvShardlite('http://127.0.0.1:7700'), namespace: 'cache' });
 */
export class KeyvShardlite implements KeyvStoreAdapter {
  /** Keyv iterates over stores of the dialects that it knows, and looks at nothing else of it. */
  readonly opts = { dialect: 'valkey' };
  /** Set by Keyv, which puts it before the keys that it hands on, too. */
  namespace?: string | undefined;
  readonly #kv: ShardliteClient;
  readonly #prefix: string;

  constructor(url: string | URL, { prefix = 'keyv/', ...options }: KeyvShardliteOptions = {}) {
    this.#kv = connect(url, { ...options, batchGets: true });
    this.#prefix = prefix;
  }

  /** The value as it was set; undefined where there is none. */
  get<Value>(key: string): Promise<Value | undefined> {
    return this.#kv.get<Value>(this.#prefix + key);
  }

  /** The values of these keys in their order, asked for together. */
  getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    return Promise.all(keys.map((key) => this.get<Value>(key)));
  }

  /** @param ttl milliseconds */
  async set(key: string, value: unknown, ttl?: number): Promise<void> {
    const seconds = ttl === undefined ? undefined : Math.min(Math.ceil(ttl / 1_000), ttlSecondsMax);
    await this.#kv.put(this.#prefix + key, value, seconds === undefined ? {} : { ttl: seconds });
  }

  /** Whether there was a value. */
  async delete(key: string): Promise<boolean> {
    try {
      await this.#kv.delete(this.#prefix + key, { ifPresent: true });
      return true;
    } catch (error) {
      if (hasCode(error, 'condition-not-met')) return false;
      throw error;
    }
  }

  /** Whether any of them had a value. */
  async deleteMany(keys: string[]): Promise<boolean> {
    const deleted = await Promise.all(keys.map((key) => this.delete(key)));
    return deleted.includes(true);
  }

  /** Deletes the keys of the namespace, or all under the prefix where there is none. */
  clear(): Promise<void> {
    return deleteUnder(this.#kv, this.#under(this.namespace));
  }

  /** The keys of a namespace with their values, in the order of their bytes. */
  async *iterator<Value>(namespace?: string): AsyncGenerator<(string | Awaited<Value> | undefined)[], void> {
    for await (const { key, value } of this.#kv.list({ prefix: this.#under(namespace), values: true })) {
      yield [key.slice(this.#prefix.length), value as Awaited<Value>];
    }
  }

  /** Nothing is emitted: what fails rejects. */
  on(): this {
    return this;
  }

  #under(namespace: string | undefined): string {
    return this.#prefix + (namespace === undefined ? '' : `${namespace}:`);
  }
}
