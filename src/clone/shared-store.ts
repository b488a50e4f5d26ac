/** What a clone needs of the store that it shares with others: the same for a file and for Redis. */

import type { Readiness } from '../http/routes/service-routes.ts';
import type { Store } from '../kv/store.ts';
import type { AuditReport } from '../sqlite/file-audit.ts';

export interface SharedStore {
  readonly store: Store;
  readiness(): Readiness;
  /** Keys, and bytes of keys and values; undefined where nobody counts them. */
  counters(): { readonly keys: number; readonly bytes: number } | undefined;
  /** Walks every row and reports later. Where there is no file to walk, it never reports. */
  audit(onReport: (report: AuditReport) => void): void;
  stop(): Promise<void>;
}
