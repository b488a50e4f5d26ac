/**
 * The merge of several ledgers into one feed, while slots move and shards come and go: whoever watches, and comes
 * back at any event, is given every change of every key, in the order of its versions. The ledgers of the first test are real.
 */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FeedRow } from '../../src/kv/feed.ts';
import { type FeedEvent, FeedGone, FeedMerge } from '../../src/kv/feed-merge.ts';
import { type FeedPosition, positionOfText, textOfPosition } from '../../src/kv/feed-position.ts';
import { packRecords } from '../../src/kv/write-record.ts';
import type { ShardFile } from '../../src/sqlite/shard-file.ts';
import { FileShards } from '../support/file-shards.ts';
import { put } from '../support/operations.ts';

const keys = ['a', 'b', 'c', 'd', 'e', '{a}2'];

/** Whoever watches; it may come back at any time with the position of its last event. */
class Watcher {
  readonly seen: FeedEvent[] = [];
  /** What was given to this client before may be given once more after it came back; else nothing comes twice. */
  hasComeBack = false;
  readonly #shards: FileShards;
  #merge: FeedMerge;

  constructor(shards: FileShards) {
    this.#shards = shards;
    this.#merge = new FeedMerge({ places: shards.ends, lastShard: shards.lastShard });
  }

  /** @param eventsMax after which it stops in the middle */
  read(rowsMax: number, eventsMax: number): void {
    let left = eventsMax;
    for (;;) {
      const before = textOfPosition(this.#merge.position);
      for (const { shard, after } of this.#merge.wanted(this.#shards.shards)) {
        this.#merge.offer(shard, (this.#shards.files.get(shard) as ShardFile).feed(after, rowsMax));
      }
      for (const event of this.#merge.events(this.#shards.shards)) {
        this.seen.push(event);
        if (--left === 0) return this.comeBack();
      }
      if (textOfPosition(this.#merge.position) === before) return;
    }
  }

  comeBack(): void {
    this.hasComeBack = true;
    const position = positionOfText(textOfPosition(this.#merge.position));
    if (position === undefined) throw new Error('a position does not come back as it was');
    this.#merge = new FeedMerge(position);
  }
}

const anyStep = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('write' as const), key: fc.constantFrom(...keys), isDelete: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('move' as const), key: fc.constantFrom(...keys), to: fc.nat(9) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('add' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), shard: fc.nat(9) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      rowsMax: fc.integer({ min: 1, max: 4 }),
      eventsMax: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('come back' as const) }) },
);

test('nothing is left out, comes twice or comes out of order, whatever moves and whoever goes', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 60 }), fc.array(anyStep, { maxLength: 10 }), (steps, early) => {
      const shards = new FileShards(keys);
      try {
        // Before anybody watches: none of it may be given.
        for (const step of early)
          if (step.do === 'write') shards.write(step.key, step.isDelete ? 'delete' : 'put');
          else if (step.do === 'move')
            shards.move(put(step.key, '').slot, shards.shards[step.to % shards.shards.length] as number);
          else if (step.do === 'remove') shards.remove(shards.shards[step.shard % shards.shards.length] as number);
        const before = shards.written.length;
        const watcher = new Watcher(shards);
        for (const step of steps) {
          const pick = (n: number) => shards.shards[n % shards.shards.length] as number;
          if (step.do === 'write') shards.write(step.key, step.isDelete ? 'delete' : 'put');
          if (step.do === 'move') shards.move(put(step.key, '').slot, pick(step.to));
          if (step.do === 'add' && shards.shards.length < 5) shards.add();
          if (step.do === 'remove') shards.remove(pick(step.shard));
          if (step.do === 'read') watcher.read(step.rowsMax, step.eventsMax);
          if (step.do === 'come back') watcher.comeBack();
        }
        watcher.read(2, Number.POSITIVE_INFINITY);
        const happened = shards.written.slice(before);
        for (const key of keys) {
          const seen = watcher.seen.filter((event) => event.key.toString() === key);
          const firstOf = (version: number) => seen.find((event) => event.version === version);
          const given = watcher.hasComeBack ? seen.filter((event) => event === firstOf(event.version)) : seen;
          expect(given.map(({ type, version }) => ({ key, version, type }))).toEqual(
            happened.filter((write) => write.key === key),
          );
        }
      } finally {
        shards.close();
      }
    }),
    { numRuns: 60 },
  );
});

/** What a shard whose ledger reaches back to `prunedLsn` answers. */
const pageFrom = (prunedLsn: number) => ({ prunedLsn, rows: [] });

test('a position before what is kept is told so', () => {
  const at = (lsn: number) => new FeedMerge({ places: new Map([[1, { lsn, carried: 0 }]]), lastShard: 1 });
  expect(() => at(9).offer(1, pageFrom(10))).toThrow(FeedGone);
  expect(() => at(10).offer(1, pageFrom(10))).not.toThrow();
});

test.each([
  '',
  ';',
  '1:2',
  '1:2;',
  '1;1',
  '1:2,;1',
  '1:2,1:3;1',
  '1:2+;1',
  'x:2;1',
  '1:-2;1',
  '1:2;1 ',
  'x1:2;1',
  '+1:2;1',
  '1:2;1;*',
  '1:2;1;a;b',
  `1:2;1;${'A'.repeat(1_368)}`,
])('is no position: %j', (text) => {
  expect(positionOfText(text)).toBeUndefined();
});

describe('a merge of pages', () => {
  const record = (
    shard: number,
    key: string,
    version: number,
    kind: 'created' | 'deleted' | 'expired' = 'created',
  ) => ({
    opId: Buffer.alloc(16),
    slot: 1,
    shard,
    key: Buffer.from(key),
    outcome: { kind, version },
  });
  const row = (lsn: number, ...records: ReturnType<typeof record>[]): FeedRow => ({
    lsn,
    arrival: undefined,
    records: packRecords(records),
  });
  const carriedRow = (lsn: number): FeedRow => ({ lsn, arrival: { kind: 'carried' }, records: Buffer.alloc(0) });
  type Arrived = {
    from: number;
    sourceLsn: number;
    forgottenLsn?: number;
    recordsBefore?: number;
    isLast?: boolean;
  };
  const arrivedRow = (
    lsn: number,
    { from, sourceLsn, forgottenLsn = 0, recordsBefore = 0, isLast = true }: Arrived,
    ...records: ReturnType<typeof record>[]
  ): FeedRow => ({
    lsn,
    arrival: { kind: 'arrived', from, sourceLsn, forgottenLsn, recordsBefore, isLast },
    records: packRecords(records),
  });
  const page = (...rows: FeedRow[]) => ({ prunedLsn: 0, rows });
  const at = (text: string) => new FeedMerge(positionOfText(text) as FeedPosition);
  const given = (merge: FeedMerge, shards: readonly number[]) =>
    [...merge.events(shards)].map(({ type, key, version }) => `${type} ${key} ${version}`);
  const positionOf = (merge: FeedMerge) => textOfPosition(merge.position);

  test('gives what was written, by kind, and says where it is', () => {
    const merge = at('1:4,2:7;2');
    expect(merge.wanted([1, 2])).toEqual([
      { shard: 1, after: { lsn: 4, carried: 0 } },
      { shard: 2, after: { lsn: 7, carried: 0 } },
    ]);
    merge.offer(1, page(row(6, record(1, 'a', 5), record(1, 'b', 6, 'deleted'))));
    merge.offer(2, page(row(9, record(2, 'c', 9, 'expired'))));
    expect(merge.wanted([1, 2])).toEqual([]);
    expect(given(merge, [1, 2])).toEqual(['put a 5', 'delete b 6', 'expire c 9']);
    expect(positionOf(merge)).toBe('1:6,2:9;2');
    expect([merge.lsnOf(1), merge.lsnOf(2), merge.lsnOf(3)]).toEqual([6, 9, 0]);
    expect(merge.wanted([1])).toEqual([{ shard: 1, after: { lsn: 6, carried: 0 } }]);
  });

  test('goes on in the middle of a row, at the event after the last', () => {
    const merge = at('1:4;1');
    const rows = page(row(6, record(1, 'a', 5), record(1, 'b', 6)));
    merge.offer(1, rows);
    const events = merge.events([1]);
    events.next();
    expect(positionOf(merge)).toBe('1:5;1');
    const again = at(positionOf(merge));
    again.offer(1, rows);
    expect(given(again, [1])).toEqual(['put b 6']);
  });

  test('skips rows that were given before', () => {
    const merge = at('1:6;1');
    merge.offer(1, page(row(6, record(1, 'a', 6)), row(7, record(1, 'b', 7))));
    expect(given(merge, [1])).toEqual(['put b 7']);
  });

  test('is told what is gone, naming where the feed begins', () => {
    expect(() => at('1:9;1').offer(1, { prunedLsn: 10, rows: [] })).toThrow(
      'shard 1 keeps its changes from 11 on, not from 10',
    );
  });

  test('a new shard is read from its beginning', () => {
    const merge = at('1:4;1');
    expect(merge.wanted([1, 2])).toEqual([
      { shard: 1, after: { lsn: 4, carried: 0 } },
      { shard: 2, after: { lsn: 0, carried: 0 } },
    ]);
    merge.offer(2, page(row(1, record(2, 'a', 1))));
    expect(given(merge, [1, 2])).toEqual(['put a 1']);
    expect(positionOf(merge)).toBe('1:4,2:1;1');
  });

  test('what arrived waits until its source was read up to where it let go', () => {
    const merge = at('1:4,2:7;2');
    merge.offer(
      2,
      page(carriedRow(8), arrivedRow(9, { from: 1, sourceLsn: 6 }, record(1, 'a', 5)), row(10, record(2, 'a', 10))),
    );
    expect(given(merge, [1, 2])).toEqual([]);
    expect(positionOf(merge)).toBe('1:4,2:8;2');
    merge.offer(1, page(row(5, record(1, 'a', 5))));
    expect(given(merge, [1, 2])).toEqual(['put a 5']);
    merge.offer(1, page(row(6, record(1, 'b', 6))));
    expect(given(merge, [1, 2])).toEqual(['put b 6', 'put a 10']);
    expect(positionOf(merge)).toBe('1:6,2:10;2');
  });

  test('what arrived from a shard that was read far enough does not wait, and comes once', () => {
    const merge = at('1:6,2:7;2');
    merge.offer(2, page(arrivedRow(9, { from: 1, sourceLsn: 6 }, record(1, 'a', 5)), row(10, record(2, 'a', 10))));
    expect(given(merge, [1, 2])).toEqual(['put a 10']);
  });

  test('what a removed shard had done comes from where its slots went', () => {
    const merge = at('1:4,2:7;2');
    const arrived = arrivedRow(9, { from: 1, sourceLsn: 6 }, record(1, 'old', 4), record(1, 'a', 5), record(1, 'b', 6));
    merge.offer(2, page(arrived, row(10, record(2, 'a', 10))));
    expect(given(merge, [2])).toEqual(['put a 5', 'put b 6', 'put a 10']);
    expect(positionOf(merge)).toBe('1:4,2:10;2');
  });

  test('a client that comes back among the carried events gets the rest of them', () => {
    const merge = at('1:4,2:7;2');
    const rows = page(arrivedRow(9, { from: 1, sourceLsn: 6 }, record(1, 'a', 5), record(1, 'b', 6)));
    merge.offer(2, rows);
    merge.events([2]).next();
    expect(positionOf(merge)).toBe('1:4,2:7+1;2');
    const again = at(positionOf(merge));
    again.offer(2, rows);
    expect(given(again, [2])).toEqual(['put b 6']);
  });

  test('what came along page by page is asked for from the next record on, and the rest of the ledger after that', () => {
    const merge = at('1:4,2:7;2');
    const came = { from: 1, sourceLsn: 6 };
    merge.offer(2, page(arrivedRow(9, { ...came, isLast: false }, record(1, 'old', 4), record(1, 'a', 5))));
    expect(given(merge, [2])).toEqual(['put a 5']);
    expect(merge.wanted([2])).toEqual([{ shard: 2, after: { lsn: 7, carried: 2 } }]);
    merge.offer(2, page(arrivedRow(9, { ...came, recordsBefore: 2 }, record(1, 'b', 6)), row(10, record(2, 'a', 10))));
    expect(given(merge, [2])).toEqual(['put b 6', 'put a 10']);
    expect(positionOf(merge)).toBe('1:4,2:10;2');
  });

  test('what came along twice, by two shards, is given once', () => {
    const merge = at('1:4,2:7,3:7;3');
    merge.offer(2, page(arrivedRow(9, { from: 1, sourceLsn: 6 }, record(1, 'a', 5))));
    merge.offer(3, page(arrivedRow(20, { from: 1, sourceLsn: 6 }, record(1, 'a', 5))));
    expect(given(merge, [2, 3])).toEqual(['put a 5']);
  });

  test('what came along of a shard that is still there waits for that shard', () => {
    const merge = at('1:4,2:7,3:2;3');
    // Shard 1 is gone; it had its slot from shard 3, which is not read far enough.
    merge.offer(2, page(arrivedRow(9, { from: 1, sourceLsn: 6 }, record(3, 'a', 3), record(1, 'a', 5))));
    expect(given(merge, [2, 3])).toEqual([]);
    merge.offer(3, page(row(3, record(3, 'a', 3))));
    expect(given(merge, [2, 3])).toEqual(['put a 3', 'put a 5']);
  });

  test('a removed shard that had forgotten what is missing ends the feed', () => {
    const gone = at('1:4,2:7;2');
    gone.offer(2, page(arrivedRow(9, { from: 1, sourceLsn: 8, forgottenLsn: 5 })));
    expect(() => given(gone, [2])).toThrow('shard 1 is gone, and what it had changed up to 5 is not kept');
    expect(() => given(gone, [2])).toThrow(FeedGone);
    const known = at('1:5,2:7;2');
    known.offer(2, page(arrivedRow(9, { from: 1, sourceLsn: 8, forgottenLsn: 5 }, record(1, 'a', 6))));
    expect(given(known, [2])).toEqual(['put a 6']);
  });

  test('what was done before the feed began is not of it', () => {
    // Shard 1 was removed before: it has no place, though its number is not above the last.
    const merge = at('2:7;2');
    merge.offer(
      2,
      page(arrivedRow(9, { from: 1, sourceLsn: 6, forgottenLsn: 6 }, record(1, 'a', 5)), row(10, record(2, 'b', 10))),
    );
    expect(given(merge, [2])).toEqual(['put b 10']);
    // The last shard itself may have been removed before.
    const last = at('1:7;2');
    last.offer(1, page(arrivedRow(9, { from: 2, sourceLsn: 6, forgottenLsn: 6 }, record(2, 'a', 5))));
    expect(given(last, [1])).toEqual([]);
    // A shard above the last came and went meanwhile: all it did is of the feed.
    const later = at('2:7;2');
    later.offer(2, page(arrivedRow(9, { from: 3, sourceLsn: 6 }, record(1, 'old', 4), record(3, 'a', 5))));
    expect(given(later, [2])).toEqual(['put a 5']);
  });

  test('a position comes back as it was', () => {
    for (const text of [';0', '1:4;1', '1:4;1;', '1:4;1;YS9i', '1:4+12,65535:9007199254740991;65535']) {
      expect(textOfPosition(positionOfText(text) as FeedPosition)).toBe(text);
    }
  });
});
