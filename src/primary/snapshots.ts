/**
 * A snapshot: all files of the service as of one moment, kept as they are while somebody copies them. The moment is
 * such that if a write is in, so is every write that was acknowledged before it began: no shard answers anything from
 * when it has pinned its file until all have. No slots move meanwhile, so every row lies in exactly one file.
 *
 *   begin ─▶ (between two batches of moves) ─▶ pin to all ─▶ all have pinned ─▶ go on to all
 *                                                  │            └─▶ meta.sqlite is copied, moves go on
 *                                                  └─ one did not in time ─▶ end to all, refused
 *
 * From then on only files are pinned, and clients notice nothing. A snapshot ends when its holder says so or is not heard
 * of, when a process that pinned its file dies, and when a WAL has grown too long.
 */

import { statSync } from 'node:fs';
import type { SnapshotActions, SnapshotView } from '../admin/contract.ts';
import { SnapshotRefused } from '../admin/snapshot-refused.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import { failpoint } from '../ports/failpoint.ts';
import type { Rebalancer } from '../rebalance/rebalancer.ts';
import { Deferred } from '../supervision/deferred.ts';
import type { SnapshotPinned } from '../supervision/messages.ts';
import type { SupervisedChild } from '../supervision/supervised-child.ts';

/** Half as long as a shard keeps its clients waiting at most. */
const pinDeadlineMs = 500;
/** A batch of moves ends sooner, unless one of its shards hangs. */
const betweenBatchesDeadlineMs = 30_000;
/** Whoever copies asks once a second. */
const leaseMs = 10_000;
/** Beyond it, reads of the file get slow and the disk full: the snapshot is given up. */
const walBytesMax = 4 * 1024 * 1024 * 1024;

export type SnapshotsOptions = {
  readonly clock: Clock;
  readonly rebalancer: Rebalancer;
  /** Those whose files together are the data, each with its file: all shards, or one of the clones. @throws ChangeRefused */
  readonly holders: () => readonly FileHolder[];
  /** Copies `meta.sqlite`, in which each file has so many writes at least. */
  readonly copyTopology: (directory: string, files: SnapshotView['files']) => void;
};

type FileHolder = { readonly child: SupervisedChild; readonly shard: number; readonly path: string };

type Pin = FileHolder & { pinned: SnapshotPinned | undefined };

type Snapshot = {
  readonly id: number;
  readonly pins: readonly Pin[];
  readonly allPinned: Deferred<void>;
  lease?: Timer;
};

export class Snapshots implements SnapshotActions {
  readonly #options: SnapshotsOptions;
  #snapshot: Snapshot | undefined;
  #isBeginning = false;
  #begun = 0;
  /** Why the one before is no more. */
  #whyEnded = 'There is no such snapshot.';

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /**
   * @param directory where a copy of `meta.sqlite` goes
   * @throws SnapshotRefused when a process is away, another snapshot is there, or nothing can be copied to there
   */
  async begin(directory: string): Promise<SnapshotView> {
    if (this.#isBeginning || this.#snapshot !== undefined) throw new SnapshotRefused('Another backup is being taken.');
    const { rebalancer } = this.#options;
    this.#isBeginning = true;
    try {
      await this.#betweenBatches();
      return await this.#take(directory);
    } finally {
      rebalancer.letBatchesBegin();
      this.#isBeginning = false;
    }
  }

  /** It lives on. @throws SnapshotRefused when it has ended: what was copied meanwhile is worth nothing */
  renew(id: number): SnapshotView {
    const snapshot = this.#expect(id);
    const tooLong = snapshot.pins.find(({ path }) => walBytesOf(path) > walBytesMax);
    if (tooLong === undefined) return this.#lend(snapshot);
    this.#end(`${tooLong.child.spec.name} received so many writes meanwhile that its WAL grew beyond its limit.`);
    throw new SnapshotRefused(this.#whyEnded);
  }

  /** @throws SnapshotRefused when it has ended before */
  end(id: number): void {
    this.#expect(id);
    this.#end('There is no such snapshot.');
  }

  onPinned(child: SupervisedChild, pinned: SnapshotPinned): void {
    const snapshot = this.#snapshot;
    if (snapshot?.id !== pinned.id) return;
    const pin = snapshot.pins.find((one) => one.child === child);
    if (pin !== undefined) pin.pinned = pinned;
    if (snapshot.pins.every((one) => one.pinned !== undefined)) snapshot.allPinned.resolve();
  }

  /** A process that died is told of before its successor is forked: what that does to the file is not the snapshot. */
  onState(child: SupervisedChild): void {
    if (child.state === 'ready' || child.state === 'silent') return;
    if (this.#snapshot?.pins.some((pin) => pin.child === child)) this.#end(`${child.spec.name} ended meanwhile.`);
  }

  #betweenBatches(): Promise<void> {
    const { rebalancer, clock } = this.#options;
    const between = new Deferred<void>();
    const timer = clock.after(betweenBatchesDeadlineMs, () =>
      between.reject(new SnapshotRefused('Slots keep moving. Look at `shardctl moves`.')),
    );
    rebalancer.holdBatches(() => between.resolve());
    return between.promise.finally(() => timer.cancel());
  }

  async #take(directory: string): Promise<SnapshotView> {
    const { holders, copyTopology, clock } = this.#options;
    const pins = holders().map((holder): Pin => ({ ...holder, pinned: undefined }));
    const away = pins.find(({ child }) => child.state !== 'ready');
    if (away !== undefined) throw new SnapshotRefused(`${away.child.spec.name} is ${away.child.state}.`);
    const snapshot: Snapshot = { id: ++this.#begun, pins, allPinned: new Deferred() };
    this.#snapshot = snapshot;
    const timer = clock.after(pinDeadlineMs, () => this.#end(`A process did not pause within ${pinDeadlineMs} ms.`));
    for (const { child } of pins) {
      child.send({ type: 'snapshot', id: snapshot.id, step: 'pin' });
      failpoint('primary:snapshot:pinning');
    }
    try {
      await snapshot.allPinned.promise;
    } finally {
      timer.cancel();
    }
    for (const { child } of pins) child.send({ type: 'snapshot', id: snapshot.id, step: 'go-on' });
    const view = this.#lend(snapshot);
    try {
      copyTopology(directory, view.files);
    } catch (error) {
      this.#end(`meta.sqlite cannot be copied to ${directory}: ${(error as Error).message}.`);
      throw new SnapshotRefused(this.#whyEnded);
    }
    return view;
  }

  #lend(snapshot: Snapshot): SnapshotView {
    snapshot.lease?.cancel();
    snapshot.lease = this.#options.clock.after(leaseMs, () => this.#end('The backup command is gone.'));
    return {
      id: snapshot.id,
      files: snapshot.pins.map(({ shard, path, pinned }) => {
        const { walBytes, lsn } = pinned as SnapshotPinned;
        return { shard, path, walBytes, lsn };
      }),
    };
  }

  #expect(id: number): Snapshot {
    if (this.#snapshot?.id !== id) throw new SnapshotRefused(this.#whyEnded);
    return this.#snapshot;
  }

  #end(why: string): void {
    const snapshot = this.#snapshot;
    if (snapshot === undefined) return;
    this.#snapshot = undefined;
    this.#whyEnded = why;
    snapshot.lease?.cancel();
    for (const { child } of snapshot.pins) child.send({ type: 'snapshot', id: snapshot.id, step: 'end' });
    snapshot.allPinned.reject(new SnapshotRefused(why));
  }
}

function walBytesOf(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}
