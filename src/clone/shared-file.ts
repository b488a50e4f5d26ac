/**
 * The SQLite file that clones share, as one of them sees it: the store over it, its counters, and a walk over its rows.
 * Another clone may have it locked at any moment: here that is waited for, and never thrown.
 */

import type { Readiness } from '../http/routes/service-routes.ts';
import type { OnSettled } from '../kv/store.ts';
import type { Measure } from '../metrics/measure.ts';
import { firstRing } from '../partition/ring.ts';
import { systemClock } from '../ports/clock.ts';
import { MarkFile } from '../sqlite/acknowledged-mark.ts';
import { unlessBusy, WrongFile } from '../sqlite/database.ts';
import { ReserveFile, withReserve } from '../sqlite/disk-reserve.ts';
import type { AuditReport } from '../sqlite/file-audit.ts';
import type { FileCounters } from '../sqlite/file-counters.ts';
import type { PinnedFile } from '../sqlite/file-pin.ts';
import { ShardFile } from '../sqlite/shard-file.ts';
import { SqliteStore } from '../sqlite/sqlite-store.ts';
import { Sweeper } from '../sqlite/sweeper.ts';
import { CannotServe } from '../supervision/cannot-serve.ts';
import type { SharedFileAddress } from '../supervision/messages.ts';
import type { SharedStore } from './shared-store.ts';

export class SharedFile implements SharedStore {
  readonly store: SqliteStore;
  readonly #file: ShardFile;
  readonly #shard: number;
  readonly #sweeper: Sweeper;
  #counters: FileCounters;

  /** @throws CannotServe, UnusableFile, FileLocked */
  constructor(address: SharedFileAddress, onSettled: OnSettled) {
    const { shard } = address;
    this.#file = openFile(address);
    this.#shard = shard;
    this.#counters = this.#file.counters;
    this.store = new SqliteStore(this.#file, { onSettled });
    this.#sweeper = new Sweeper(this.#file, systemClock, () => true);
  }

  async stop(): Promise<void> {
    this.#sweeper.stop();
    await this.store.stop();
  }

  readiness(): Readiness {
    return { ready: true, failedShards: [], silentShards: [] };
  }

  /** Up to date, unless another clone has the file locked: then as they were a moment ago. */
  counters(): FileCounters {
    this.#counters = unlessBusy(() => this.#file.counters) ?? this.#counters;
    return this.#counters;
  }

  held(): number {
    return this.store.held;
  }

  measures(): readonly Measure[] {
    return unlessBusy(() => this.#file.measures()) ?? [];
  }

  pin(onPinned: (pinned: PinnedFile) => void): void {
    const pinned = unlessBusy(() => this.#file.pin());
    if (pinned === undefined) setImmediate(() => this.pin(onPinned));
    else onPinned(pinned);
  }

  unpin(): void {
    this.#file.unpin();
  }

  audit(onReport: (report: AuditReport) => void): void {
    const ring = firstRing(new Map([[this.#shard, 1]]));
    const audit = unlessBusy(() => this.#file.audit(ring, this.#shard, 'trusted'));
    if (audit === undefined) systemClock.soon(() => this.audit(onReport));
    else audit.walk(systemClock, onReport, unlessBusy);
  }
}

/** @throws CannotServe when it is not the file that should be there */
function openFile({ service, shard, file, access, acknowledgedLsn }: SharedFileAddress): ShardFile {
  const reserve = ReserveFile.beside(file);
  const mark = new MarkFile(file, process.pid);
  const options = { access, reserve, mark, record: { acknowledgedLsn } };
  try {
    return withReserve(reserve, () => new ShardFile(file, { service, shard }, options));
  } catch (error) {
    mark.close();
    throw error instanceof WrongFile ? new CannotServe(error.message, { cause: error }) : error;
  }
}
