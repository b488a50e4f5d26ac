/**
 * How much a shard does for a move before it serves its own clients again. Each bound was chosen by what a step takes;
 * the simulator has smaller ones, so that a few rows take many steps.
 */

import type { PageStep } from './move.ts';
import type { PartLimits } from './slot-storage.ts';

export type StepLimits = {
  /** Of a page of rows, of a round of changes, and, short, of what is summed between two questions. */
  readonly page: Record<PageStep, { readonly rowsMax: number; readonly bytesMax: number }>;
  /** Source: what of the ledger is looked through. */
  readonly ledger: PartLimits;
  /** Target: rows of an earlier move that are wiped. */
  readonly rowsWiped: Record<PageStep, number>;
  /** Target: so few changes left that clients can wait for them. */
  readonly fewChanges: number;
  /** Of what has left: rows that are deleted, and pages that go back to the disk. */
  readonly purge: { readonly rowsMax: number; readonly pagesMax: number };
};

export const defaultStepLimits: StepLimits = {
  page: {
    // Some two milliseconds: the shard's own clients do not notice them.
    short: { rowsMax: 512, bytesMax: 256 * 1024 },
    // Some fifty, where there are no clients: the target stores a page in one transaction, which touches each page of
    // its indexes once, however many rows it has.
    long: { rowsMax: 8_192, bytesMax: 4 * 1024 * 1024 },
  },
  // The ledger is long, and a commit may have a thousand records: some three milliseconds.
  ledger: { commitsMax: 1_024, bytesMax: 256 * 1024 },
  // Each row lies somewhere else in the file, so these cost more than those of a page.
  rowsWiped: { short: 128, long: 8_192 },
  fewChanges: 64,
  // A few milliseconds.
  purge: { rowsMax: 64, pagesMax: 16 },
};
