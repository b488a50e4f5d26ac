/**
 * The Store over one SQLite file in this very process: what arrives in one event-loop turn becomes one batch.
 * The strategies without shards stand on it; a shard puts the same file behind the wire instead.
 */

import type { FeedSource } from '../kv/feed.ts';
import type { Listing, ListQuery } from '../kv/listing.ts';
import type { Operation, Outcome, Store } from '../kv/store.ts';
import type { ShardFile } from './shard-file.ts';

type Waiting = {
  readonly operation: Operation;
  readonly settle: (outcome: Outcome) => void;
  readonly fail: (error: unknown) => void;
};

/** Whoever has the file has all keys. */
const onlyOwner = 1;

export class SqliteStore implements Store {
  readonly feed: FeedSource = {
    owners: () => [onlyOwner],
    lastOwner: () => onlyOwner,
    page: async (_owner, afterLsn, rowsMax) => ({ ...this.#file.feed(afterLsn, rowsMax), epoch: 1 }),
  };
  readonly #file: ShardFile;
  #turn: Waiting[] = [];

  constructor(file: ShardFile) {
    this.#file = file;
  }

  execute(operation: Operation): Promise<Outcome> {
    return new Promise((settle, fail) => {
      if (this.#turn.length === 0) setImmediate(() => this.#runTurn());
      this.#turn.push({ operation, settle, fail });
    });
  }

  async list(query: ListQuery): Promise<Listing> {
    return this.#file.list(query, () => true);
  }

  async stop(): Promise<void> {
    this.#runTurn();
    this.#file.close();
  }

  #runTurn(): void {
    const turn = this.#turn;
    this.#turn = [];
    if (turn.length === 0) return;
    try {
      const outcomes = this.#file.execute(turn);
      for (const [index, { settle }] of turn.entries()) settle(outcomes[index] as Outcome);
    } catch (error) {
      for (const { fail } of turn) fail(error);
    }
  }
}
