/** What adapters do with all keys of theirs: those that begin with one prefix. */

import type { ShardliteClient } from '../client/connect.ts';

/** Keys deleted by one request. */
const deletedAtATime = 500;

/** Deletes every key that begins so. One that is written meanwhile may stay. */
export async function deleteUnder(kv: ShardliteClient, prefix: string): Promise<void> {
  let keys: string[] = [];
  const leave = async () => {
    const results = await kv.batch(keys.map((key) => ({ op: 'delete', key }) as const));
    keys = [];
    for (const result of results) if (!result.ok) throw result.error;
  };
  for await (const { key } of kv.list({ prefix })) {
    keys.push(key);
    if (keys.length === deletedAtATime) await leave();
  }
  if (keys.length > 0) await leave();
}
