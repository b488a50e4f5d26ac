/** What the primary knows of the service and its processes, as measures. */

import type { ProcessStatus, ServiceStatus } from '../admin/contract.ts';
import { openFilesMax } from '../http/connection-limit.ts';
import { amount, amountIfKnown, type Measure } from '../metrics/measure.ts';
import { changePhases } from '../rebalance/rebalancer.ts';
import { sqliteVersion } from '../sqlite/database.ts';

export function serviceMeasures(status: ServiceStatus): readonly Measure[] {
  const { version, strategy, sharedFile, stored, store } = status;
  const { running, open } = status.moves;
  const build = { version, strategy, node: process.versions.node, sqlite: sqliteVersion };
  return [
    amount('shardlite_build_info', 1, build),
    amount('shardlite_ready', status.state === 'ready' || status.state === 'degraded' ? 1 : 0),
    amount('shardlite_ring_epoch', status.ring.epoch),
    ...amountIfKnown('shardlite_disk_free_bytes', status.diskFreeBytes),
    ...fileLimit(),
    ...status.processes.flatMap(processMeasures),
    // What clones share is no single one's.
    ...amountIfKnown('shardlite_file_bytes', sharedFile?.fileBytes),
    ...amountIfKnown('shardlite_wal_bytes', sharedFile?.walBytes),
    ...(store === null ? [] : amountIfKnown('shardlite_keys', stored?.keys)),
    ...(store === null ? [] : amountIfKnown('shardlite_stored_bytes', stored?.bytes)),
    amount('shardlite_changes_open', open.length),
    amount('shardlite_change_slots_left', running === undefined ? 0 : running.slotsTotal - running.slotsMoved),
    ...changePhases.map((phase) => amount('shardlite_change_phase', running?.phase === phase ? 1 : 0, { phase })),
  ];
}

/** Children have the limit of the primary. */
function fileLimit(): Measure[] {
  const limit = openFilesMax();
  return Number.isFinite(limit) ? [amount('shardlite_process_max_fds', limit)] : [];
}

function processMeasures(process: ProcessStatus): Measure[] {
  const labels = { process: process.id };
  const seconds = (ms: number | null) => (ms === null ? null : ms / 1_000);
  return [
    amount('shardlite_process_ready', process.state === 'ready' ? 1 : 0, { ...labels, role: process.role }),
    amount('shardlite_process_restarts_total', process.restarts, labels),
    ...amountIfKnown('shardlite_process_resident_memory_bytes', process.memoryBytes, labels),
    ...amountIfKnown('shardlite_event_loop_delay_seconds', seconds(process.eventLoopDelayMs), labels),
    ...amountIfKnown('shardlite_event_loop_utilization_ratio', process.eventLoopUtilization, labels),
    ...amountIfKnown('shardlite_slots', process.slots, labels),
    ...amountIfKnown('shardlite_keys', process.keys, labels),
    ...amountIfKnown('shardlite_stored_bytes', process.bytes, labels),
    ...amountIfKnown('shardlite_file_bytes', process.fileBytes, labels),
    ...amountIfKnown('shardlite_wal_bytes', process.walBytes, labels),
  ];
}
