/** The one store that clones share, as one of them sees it, whatever it is. */

import type { Readiness } from '../http/routes/service-routes.ts';
import type { Store } from '../kv/store.ts';
import type { AuditReport } from '../sqlite/file-audit.ts';

export interface SharedStore {
  readonly store: Store;
  readiness(): Readiness;
  /** What it holds; undefined where nobody counts it. */
  counters(): { readonly keys: number; readonly bytes: number } | undefined;
  /** Walks every row. The report comes later, and never where there is no file to walk. */
  audit(onReport: (report: AuditReport) => void): void;
  stop(): Promise<void>;
}
