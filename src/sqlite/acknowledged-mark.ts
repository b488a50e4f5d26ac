/**
 * How far the writes of a database were acknowledged, in a file beside it: written after each commit and before its
 * answers leave, so that an older copy of the database is known as one, however its process ended. It is not synced: a
 * power cut may take back what was written last, and then it says less, and nothing wrong. Each process that writes to the
 * database has a place of its own in it, since none could know whether another has just written a higher one.
 */

import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';

/** Of the name of the file beside it, as `-wal` is. */
const markSuffix = '-acknowledged';

/** One length for every lsn: whatever was written last stands in its place alone. */
const digits = 16;
const placeBytes = digits + 1;
/** Processes whose ids are so far apart share one; what one of them then wrote lower stands until its next commit. */
const places = 256;

export interface AcknowledgedMark {
  /** Writes up to here are on disk. Never throws. */
  note(lsn: number): void;
  close(): void;
}

export const noMark: AcknowledgedMark = { note: () => {}, close: () => {} };

export class MarkFile implements AcknowledgedMark {
  readonly #descriptor: number | undefined;
  readonly #at: number;
  #lsn: number | undefined;

  /**
   * Of this database. Where it cannot be made, nothing is noted.
   *
   * @param writer the process id of one of several that write to it; 0 where there is one
   */
  constructor(database: string, writer = 0) {
    this.#at = (writer % places) * placeBytes;
    this.#descriptor = unlessRefused(() =>
      openSync(database + markSuffix, constants.O_RDWR | constants.O_CREAT, 0o600),
    );
  }

  note(lsn: number): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined || lsn === this.#lsn) return;
    this.#lsn = lsn;
    unlessRefused(() => writeSync(descriptor, `${String(lsn).padStart(digits, '0')}\n`, this.#at));
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
  }
}

/** The highest that is noted beside this database; 0 where nothing is. */
export function acknowledgedBeside(database: string): number {
  const text = unlessRefused(() => textOf(database + markSuffix)) ?? '';
  return Math.max(0, ...(text.match(/\d{16}\n/g) ?? []).map(Number));
}

/** No more of it than all places take: whatever lies behind them is none of ours. */
function textOf(path: string): string {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(places * placeBytes);
    return bytes.toString('latin1', 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}

/** The mark only guards: on a full disk, or without a right, it says less, and nobody is stopped by it. */
function unlessRefused<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch {
    return undefined;
  }
}
