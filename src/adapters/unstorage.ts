/** Shardlite as a driver of unstorage: storage of Nitro, Nuxt and other programs that know unstorage already. */

import type { Driver } from 'unstorage';
import { type ConnectOptions, connect, type ShardliteClient } from '../client/connect.ts';
import { deleteUnder } from './keys-under.ts';

export type ShardliteDriverOptions = Omit<ConnectOptions, 'batchGets'> & {
  readonly url: string | URL;
  /** All keys begin with this and a colon (default: `unstorage`). The driver never lists or clears other keys. */
  readonly base?: string;
  /** Seconds until a value expires, unless `setItem` has its own; by default never. */
  readonly ttl?: number;
};

/**
 * A driver for `createStorage({ driver })`.
 *
 * @throws TypeError if the URL is not valid
 * @example
 * import shardliteDriver from 'shardlite/unstorage';
 * const storage = createStorage({ driver: shardliteDriver({ url: 'http://127.0.0.1:7700' }) });
 */
// biome-ignore lint/style/noDefaultExport: unstorage and Nitro take a driver by the default export of its module
export default function shardliteDriver(
  options: ShardliteDriverOptions,
): Driver<ShardliteDriverOptions, ShardliteClient> {
  const { url, base = 'unstorage', ttl, ...connection } = options;
  const kv = connect(url, { ...connection, batchGets: true });
  const prefix = `${base.replace(/:+$/, '')}:`;
  const write = async (key: string, value: unknown, said: { readonly ttl?: number } | undefined) => {
    const seconds = said?.ttl ?? ttl;
    await kv.put(prefix + key, value, seconds === undefined ? {} : { ttl: seconds });
  };
  const read = async (key: string) => (await kv.get<string>(prefix + key)) ?? null;
  return {
    name: 'shardlite',
    options,
    getInstance: () => kv,
    hasItem: async (key) => (await kv.getBytes(prefix + key)) !== undefined,
    getItem: read,
    getItems: (items) => Promise.all(items.map(async ({ key }) => ({ key, value: await read(key) }))),
    getItemRaw: read,
    setItem: write,
    setItemRaw: write,
    removeItem: (key) => kv.delete(prefix + key),
    // unstorage leaves the base out where it means all, whatever its types say.
    getKeys: async (under = '') => {
      const keys: string[] = [];
      for await (const { key } of kv.list({ prefix: prefix + under })) keys.push(key.slice(prefix.length));
      return keys;
    },
    clear: (under = '') => deleteUnder(kv, prefix + under),
  };
}
