/** The files of the shards, as a router reads them. One that cannot be read ends nobody: its reads are forwarded. */

import { shardFileIn } from '../config/data-directory.ts';
import { systemClock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { FileOfShard } from '../routing/direct-reads.ts';
import type { StartRouter } from '../supervision/messages.ts';

type WhereTheyLie = Exclude<StartRouter['directReads'], null>;

export async function filesIn({ service, directory }: WhereTheyLie, log: Log): Promise<FileOfShard> {
  // Loaded where it is needed: who forwards has no use for SQLite.
  const { ShardFileReader } = await import('../sqlite/shard-file-reader.ts');
  return (shard) => {
    const onUnreadable = (err: unknown) => log.warn({ err, shard }, 'a file cannot be read: its reads are forwarded');
    return new ShardFileReader(shardFileIn(directory, shard), { service, shard }, { clock: systemClock, onUnreadable });
  };
}
