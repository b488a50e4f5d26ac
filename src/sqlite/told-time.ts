/**
 * The time by which a service goes, as the files of its shards tell it. A shard whose file has no note of the time goes
 * on from there: its own first look may find a clock that somebody has just set to another day.
 */

import { ExpiryClock, type MachineClock, type TimeNote } from '../kv/expiry-clock.ts';
import type { Database } from './database.ts';
import { IdempotencyTable } from './idempotency-table.ts';
import { LedgerTable } from './ledger-table.ts';
import { StandingTable } from './standing-table.ts';

/** What one file tells: when its last write was, and what its process noted. */
export type ToldTime = { readonly latestMs: number; readonly note: TimeNote };

export function toldTimeIn(db: Database): ToldTime {
  const latestMs = new LedgerTable(db, new IdempotencyTable(db)).latestMs();
  return { latestMs, note: new StandingTable(db).timeNote };
}

/** Goes on from the latest that was told. Where nothing was, as in a new service, the machine's clock is all there is. */
export function clockAfter(told: readonly ToldTime[], machine: MachineClock): ExpiryClock {
  const notes = told.map(({ note }) => note).filter(({ boot }) => boot === machine.boot);
  const begunMs = ({ toldMs, uptimeMs }: TimeNote) => toldMs - uptimeMs;
  const [newest] = notes.sort((one, other) => begunMs(other) - begunMs(one));
  return new ExpiryClock(machine, Math.max(0, ...told.map(({ latestMs }) => latestMs)), newest);
}
