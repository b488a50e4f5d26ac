/**
 * The ears of the invariants: what a shard executes, what the primary commits and what a client is told is heard here,
 * in the same step in which it happens.
 */

import type { KeyOperation } from '../../src/kv/operation.ts';
import type { Outcome } from '../../src/kv/outcome.ts';
import { TopologyFile } from '../../src/primary/topology-file.ts';
import type { Move } from '../../src/rebalance/move.ts';
import type { Dispatcher } from '../../src/routing/dispatcher.ts';
import type { OpIds } from '../../src/routing/op-ids.ts';
import type { OpenDatabase } from '../../src/sqlite/open-database.ts';
import type { ShardFile } from '../../src/sqlite/shard-file.ts';
import type { StartShard } from '../../src/supervision/messages.ts';
import type { Circumstances } from './circumstances.ts';
import { type Disks, metaPath } from './disks.ts';
import type { Invariants } from './invariants.ts';
import type { Life } from './scheduler.ts';
import type { Sessions } from './sessions.ts';
import { Violation } from './violation.ts';

export class Watch {
  readonly #invariants: Invariants;
  readonly #sessions: Sessions;
  readonly #disks: Disks;

  constructor(invariants: Invariants, sessions: Sessions, disks: Disks) {
    this.#invariants = invariants;
    this.#sessions = sessions;
    this.#disks = disks;
  }

  /** A shard has taken this file for its own. @throws Violation when it is an older copy of it */
  file(file: ShardFile, { file: path, shard }: StartShard): void {
    if (this.#disks.isExchanged(path)) throw new Violation('copy', `shard ${shard} takes an older copy for its file`);
    const execute = file.execute.bind(file);
    file.execute = (requests) => {
      const disk = this.#disks.at(path);
      const { lsn } = file.counters;
      if (disk !== undefined) disk.isWatched = true;
      try {
        const outcomes = execute(requests);
        this.#invariants.onExecuted(path, lsn, requests, outcomes);
        this.#sessions.onExecuted(lsn, requests, outcomes);
        return outcomes;
      } finally {
        if (disk !== undefined) disk.isWatched = false;
      }
    };
  }

  newRecord(circumstances: Circumstances, open: OpenDatabase): TopologyFile {
    return new WatchedRecord(circumstances, open, this.#invariants);
  }

  /** @param opIds counts as those of the dispatcher do */
  router(life: Life, dispatcher: Dispatcher, opIds: OpIds): WatchedRouter {
    return new WatchedRouter(life, dispatcher, { opIds, invariants: this.#invariants });
  }
}

type Witness = { readonly opIds: OpIds; readonly invariants: Invariants };

/** A router: clients ask it, and it answers each exactly once, if it lives. */
export class WatchedRouter {
  readonly life: Life;
  readonly #dispatcher: Dispatcher;
  readonly #witness: Witness;

  constructor(life: Life, dispatcher: Dispatcher, witness: Witness) {
    this.life = life;
    this.#dispatcher = dispatcher;
    this.#witness = witness;
  }

  get epoch(): number {
    return this.#dispatcher.ring.epoch;
  }

  execute(operation: KeyOperation, settle: (outcome: Outcome) => void): void {
    const { opIds, invariants } = this.#witness;
    const opId = opIds.next(operation).toString('hex');
    this.#dispatcher.execute(operation, (answer) => {
      invariants.onTold(operation, opId, answer as Outcome);
      settle(answer as Outcome);
    });
  }
}

class WatchedRecord extends TopologyFile {
  readonly #invariants: Invariants;

  constructor({ shards, slots }: Circumstances, open: OpenDatabase, invariants: Invariants) {
    super(metaPath, { strategy: 'partitioned', store: 'sqlite', shards, slots }, { open });
    this.#invariants = invariants;
    this.#invariants.onRing(this.ring);
  }

  override openMove(change: number, move: Omit<Move, 'id'>): Move {
    this.#invariants.onMoveBegins(change);
    return super.openMove(change, move);
  }

  override commitMove(move: Move): void {
    this.#invariants.onCommit(move);
    super.commitMove(move);
    this.#invariants.onRing(this.ring);
  }

  override endChange(...ended: Parameters<TopologyFile['endChange']>): void {
    const [id, state] = ended;
    this.#invariants.onChangeEnds(this.change(id), state, this.ring);
    super.endChange(...ended);
  }
}
