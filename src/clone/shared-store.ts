/** What a clone needs of the store that it shares with others: the same for a file and for Redis. */

import type { Readiness } from '../http/routes/service-routes.ts';
import type { Store } from '../kv/store.ts';
import type { Measure } from '../metrics/measure.ts';
import type { AuditReport } from '../sqlite/file-audit.ts';
import type { FileCounters } from '../sqlite/file-counters.ts';
import type { PinnedFile } from '../sqlite/file-pin.ts';

export interface SharedStore {
  readonly store: Store;
  readiness(): Readiness;
  /** Also when it has stopped: then as they were at the end. Undefined where nobody counts. */
  counters(): FileCounters | undefined;
  /** Operations that are not answered yet. */
  held(): number;
  /** What this process measures of what it shares. */
  measures(): readonly Measure[];
  /** Walks every row and reports later. Where there is no file to walk, it never reports. */
  audit(onReport: (report: AuditReport) => void): void;
  /** Keeps the file as it is for who copies it, and tells when it does. Where there is no file, it never does. */
  pin(onPinned: (pinned: PinnedFile) => void): void;
  unpin(): void;
  stop(): Promise<void>;
}
