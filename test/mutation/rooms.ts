/**
 * What is mutated, and by which tests a mutant may be noticed. Each room is run by itself: its own tests are quick,
 * and a mutant of a pure room that only a server would notice counts as a survivor.
 */

/** Globs; of `mutate` without braces, which Stryker's command line would cut at their commas. */
export type MutatedRoom = { readonly mutate: readonly string[]; readonly tests: readonly string[] };

export const mutatedRooms: Readonly<Record<string, MutatedRoom>> = {
  kv: {
    mutate: ['src/kv/**/*.ts'],
    tests: ['test/unit/{condition,feed-merge,inventory,key,key-lister,listing,op-id,operation,write-record}.test.ts'],
  },
  partition: { mutate: ['src/partition/**/*.ts'], tests: ['test/unit/{plan,ring,slot}.test.ts'] },
  rebalance: {
    mutate: ['coordinator', 'packed-rows', 'row', 'slot-sums', 'source', 'target'].map(
      (file) => `src/rebalance/${file}.ts`,
    ),
    tests: ['test/unit/{coordinator,move-source,move-target,rows}.test.ts', 'test/sqlite/slot-sums.test.ts'],
  },
  wire: {
    mutate: ['src/wire/*-frame.ts', 'src/wire/frame.ts', 'src/wire/frame-decoder.ts'],
    tests: ['test/unit/{frame,frame-bounds,frame-decoder,frame-refusal,frame-samples,move-frame}.test.ts'],
  },
  tables: {
    mutate: [
      'entry-table',
      'idempotency-table',
      'ledger-table',
      'slot-reader',
      'slot-writer',
      'transfer-table',
      'write-batch',
    ].map((file) => `src/sqlite/${file}.ts`),
    tests: ['test/sqlite/{ledger-table,slot-reader,slot-sums,write-batch}.test.ts'],
  },
  transfer: {
    mutate: ['src/sqlite/slot-transfer.ts'],
    tests: ['test/sqlite/{shard-file-reader,slot-sums,slot-transfer}.test.ts'],
  },
  file: {
    mutate: ['src/sqlite/shard-file.ts'],
    tests: ['test/sqlite/{database,set-clock,shard-file,shard-file-reader,shared-file,slot-transfer,sweeper}.test.ts'],
  },
  store: {
    mutate: ['src/sqlite/sqlite-store.ts'],
    tests: ['test/sqlite/{shared-file,sqlite-store}.test.ts', 'test/conformance/sqlite-store.test.ts'],
  },
  listing: {
    mutate: ['src/sqlite/key-listing.ts'],
    tests: ['test/sqlite/bounded-reading.test.ts', 'test/conformance/sqlite-store.test.ts'],
  },
  audit: { mutate: ['src/sqlite/file-audit.ts'], tests: ['test/sqlite/{bounded-reading,file-audit}.test.ts'] },
  sweeper: { mutate: ['src/sqlite/sweeper.ts'], tests: ['test/sqlite/sweeper.test.ts'] },
  database: {
    mutate: ['src/sqlite/database.ts'],
    tests: ['test/sqlite/{database,shard-file,shared-file,slot-transfer}.test.ts'],
  },
  request: {
    mutate: ['src/http/request/**/*.ts'],
    tests: ['test/unit/{key,request}.test.ts'],
  },
};
