/** What `import … from 'shardlite'` gives: the one list of names that the package promises to keep. */

export type { BatchOperation, BatchOptions, BatchResult, BatchResults } from './batch.ts';
export type { Change, ChangesOptions } from './change-watch.ts';
export { type ConnectOptions, connect, type ShardliteClient, type Touched, type Written } from './connect.ts';
export type { CommonPrefix, Described, Entry } from './entry.ts';
export type { Key } from './key.ts';
export type { Listed, ListOptions } from './list-pages.ts';
export type { Deletion, DeletionOptions } from './prefix-deletion.ts';
export { hasCode, ShardliteError, type ShardliteErrorCode } from './shardlite-error.ts';
export type {
  CallOptions,
  ConditionOptions,
  ExpiryOptions,
  IncrementOptions,
  NewExpiry,
  PutOptions,
  TouchOptions,
  WriteOptions,
} from './write-options.ts';
