/**
 * Every metric of the service: its type, what it says, and the bounds of its buckets. Names and units follow Prometheus'
 * conventions. What tells processes apart is the label `process`; no label has more values than there are processes,
 * routes or phases. Pure.
 */

type Metric = {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly buckets?: Buckets;
};

/** `le` of each bucket but the last, and the power of two in the histogram's own unit below which its amounts lie. */
type Buckets = { readonly unit: number; readonly bounds: readonly { readonly le: number; readonly below: number }[] };

/** From 64 µs to 8.4 s, each twice the one before: histograms count microseconds, in which these are powers of two. */
const durations: Buckets = {
  unit: 1e-6,
  bounds: Array.from({ length: 18 }, (_, index) => ({ le: 2 ** (index + 6) / 1e6, below: 2 ** (index + 6) })),
};

/** 1, 3, 7 … 1,023: whole numbers up to one less than a power of two. */
const counts: Buckets = {
  unit: 1,
  bounds: Array.from({ length: 10 }, (_, index) => ({ le: 2 ** (index + 1) - 1, below: 2 ** (index + 1) })),
};

const metricTable = {
  shardlite_build_info: { type: 'gauge', help: 'Always 1; its labels say which build runs, and as what.' },
  shardlite_ready: { type: 'gauge', help: 'Whether the service is past its start and not being stopped.' },
  shardlite_ring_epoch: { type: 'gauge', help: 'Rises with every batch of slots that changes hands.' },
  shardlite_disk_free_bytes: { type: 'gauge', help: 'Room on the file system of the data directory.' },
  shardlite_log_lines_lost_total: { type: 'counter', help: 'Lines of the log of the process that found no place.' },

  shardlite_process_ready: { type: 'gauge', help: 'Whether the process serves.' },
  shardlite_process_restarts_total: { type: 'counter', help: 'How often a process was started again after its death.' },
  shardlite_process_start_time_seconds: { type: 'gauge', help: 'When the process was started, as Unix time.' },
  shardlite_process_cpu_seconds_total: { type: 'counter', help: 'Processor time, of user and system.' },
  shardlite_process_resident_memory_bytes: { type: 'gauge', help: 'Memory that the process has resident.' },
  shardlite_process_heap_bytes: { type: 'gauge', help: 'Used part of the heap of V8.' },
  shardlite_process_open_fds: { type: 'gauge', help: 'Open file descriptors, connections included.' },
  shardlite_process_max_fds: { type: 'gauge', help: 'How many descriptors each process may have open.' },
  shardlite_event_loop_delay_seconds: {
    type: 'gauge',
    help: 'By how much the slowest hundredth of turns of the event loop came late, in the last second.',
  },
  shardlite_event_loop_utilization_ratio: {
    type: 'gauge',
    help: 'Which part of the last second the event loop was busy.',
  },

  shardlite_http_requests_total: { type: 'counter', help: 'Answers, by route and class of status.' },
  shardlite_http_request_duration_seconds: {
    type: 'histogram',
    help: 'From the head of a request until its answer begins.',
    buckets: durations,
  },
  shardlite_http_connections: { type: 'gauge', help: 'Open connections of clients.' },
  shardlite_http_watchers: { type: 'gauge', help: 'Clients that are watching changes.' },
  shardlite_http_body_bytes: { type: 'gauge', help: 'Memory that large bodies of requests and answers take.' },
  shardlite_held_requests: { type: 'gauge', help: 'Requests that a router or a clone has not answered yet.' },
  shardlite_operation_duration_seconds: {
    type: 'histogram',
    help: 'Reads and writes: of a router until its shard has answered, of a shard from arrival to answer.',
    buckets: durations,
  },

  shardlite_slots: { type: 'gauge', help: 'Slots that a shard owns.' },
  shardlite_keys: { type: 'gauge', help: 'Keys that are stored.' },
  shardlite_stored_bytes: { type: 'gauge', help: 'Bytes of keys and values that are stored.' },
  shardlite_file_bytes: { type: 'gauge', help: 'Size of the database file.' },
  shardlite_wal_bytes: { type: 'gauge', help: 'Size of the write-ahead log beside the database file.' },
  shardlite_commit_duration_seconds: {
    type: 'histogram',
    help: 'How long COMMIT takes, the sync of the disk included.',
    buckets: durations,
  },
  shardlite_batch_duration_seconds: {
    type: 'histogram',
    help: 'How long SQLite takes for a batch of operations, its commit included.',
    buckets: durations,
  },
  shardlite_commit_writes: { type: 'histogram', help: 'Writes that share one commit.', buckets: counts },
  shardlite_expired_keys_total: { type: 'counter', help: 'Expired values that were deleted in the background.' },
  shardlite_expired_backlog_seconds: {
    type: 'gauge',
    help: 'For how long the oldest expired value has been waiting to be deleted.',
  },

  shardlite_changes_open: { type: 'gauge', help: 'Topology changes that are asked for and not over.' },
  shardlite_change_slots_left: { type: 'gauge', help: 'Slots that the topology change under way has still to move.' },
  shardlite_change_phase: {
    type: 'gauge',
    help: 'Which phase the topology change under way is in: 1 for that, else 0.',
  },
  shardlite_moved_slots_total: { type: 'counter', help: 'Slots that have changed hands.' },
  shardlite_moved_rows_total: { type: 'counter', help: 'Rows that were copied between shards.' },
  shardlite_moved_bytes_total: { type: 'counter', help: 'Bytes of rows that were copied between shards.' },
  shardlite_move_freeze_seconds: {
    type: 'histogram',
    help: 'For how long requests of a batch of slots waited while it changed hands.',
    buckets: durations,
  },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof metricTable;

export const metricNames = Object.keys(metricTable) as readonly MetricName[];

export function metricOf(name: MetricName): Metric {
  return metricTable[name];
}
