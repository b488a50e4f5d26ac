/**
 * The merge of several ledgers into one feed, while slots move and shards come and go: whoever watches, and comes
 * back at any event, is given every change of every key, in the order of its versions. The ledgers are real ones.
 */

import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FeedEvent, FeedGone, FeedMerge, positionOfText, textOfPosition } from '../../src/kv/feed-merge.ts';
import { ringAfter } from '../../src/partition/plan.ts';
import { firstRing, type Ring } from '../../src/partition/ring.ts';
import type { Move } from '../../src/rebalance/move.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { put, remove } from '../support/operations.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const keys = ['a', 'b', 'c', 'd', 'e', '{a}2'];
const unlimited = { rowsMax: Number.POSITIVE_INFINITY, bytesMax: Number.POSITIVE_INFINITY };

/** Shards as files, without processes; every change is written down as it happens. */
class Shards {
  readonly directory = temporaryDirectory();
  readonly files = new Map<number, ShardFile>();
  readonly written: { readonly key: string; readonly version: number; readonly type: string }[] = [];
  ring: Ring = firstRing(
    new Map([
      [1, 1],
      [2, 1],
    ]),
  );
  lastShard = 0;
  #moves = 0;
  #seenLsn = 0;

  constructor() {
    this.add();
    this.add();
  }

  add(): void {
    const shard = ++this.lastShard;
    this.files.set(shard, new ShardFile(join(this.directory, `${shard}.sqlite`), { service: 'test', shard }));
  }

  get shards(): number[] {
    return [...this.files.keys()];
  }

  write(key: string, kind: 'put' | 'delete'): void {
    const operation = kind === 'put' ? put(key, `${this.written.length}`) : remove(key);
    const file = this.files.get(this.ring.shardOf(operation.slot)) as ShardFile;
    // A router that has seen little of other shards, or all.
    const seenLsn = this.written.length % 2 === 0 ? this.#seenLsn : 0;
    const [outcome] = file.execute([{ operation, resend: { opId: Buffer.alloc(16), resent: false, seenLsn } }]);
    if (outcome === undefined || !('version' in outcome)) throw new Error('a write has no version');
    this.#seenLsn = Math.max(this.#seenLsn, outcome.version);
    this.written.push({ key, version: outcome.version, type: kind });
  }

  move(slot: number, to: number): void {
    const from = this.ring.shardOf(slot);
    const [source, target] = [this.files.get(from), this.files.get(to)];
    if (from === to || source === undefined || target === undefined) return;
    const move: Move = { id: ++this.#moves, from, to, slots: [slot] };
    target.transfer.openIncoming(move);
    while (!target.transfer.wipe(move.slots, 128));
    target.transfer.store(source.transfer.page(move.slots, undefined, unlimited).rows);
    const expected = source.transfer.openOutgoing(move);
    const { results } = source.transfer.ledgerSince(move.slots, 0, Number.POSITIVE_INFINITY);
    const { lsn: sourceLsn, forgottenLsn } = source.transfer;
    const isSealed = target.transfer.seal(move, {
      changes: [],
      results: [results],
      sourceLsn,
      forgottenLsn,
      expected,
    });
    expect(isSealed).toBe(true);
    this.ring = ringAfter(this.ring, [move]);
    for (const [shard, file] of this.files) file.transfer.settle(this.ring, shard, () => false);
  }

  /** Its keys go to the others; then it is gone, with its file. */
  remove(shard: number): void {
    if (this.files.size < 2 || !this.files.has(shard)) return;
    const others = this.shards.filter((one) => one !== shard);
    for (const [index, key] of keys.entries()) {
      const { slot } = put(key, '');
      if (this.ring.shardOf(slot) === shard) this.move(slot, others[index % others.length] as number);
    }
    this.files.get(shard)?.close();
    this.files.delete(shard);
  }

  close(): void {
    for (const file of this.files.values()) file.close();
  }
}

/** Whoever watches; it may come back at any time with the position of its last event. */
class Watcher {
  readonly seen: FeedEvent[] = [];
  /** What was given to this client before may be given once more after it came back; else nothing comes twice. */
  hasComeBack = false;
  readonly #shards: Shards;
  #merge: FeedMerge;

  constructor(shards: Shards) {
    this.#shards = shards;
    const places = new Map([...shards.files].map(([shard, { lsn }]) => [shard, { lsn, carried: 0 }]));
    this.#merge = new FeedMerge({ places, lastShard: shards.lastShard });
  }

  /** @param eventsMax after which it stops in the middle */
  read(rowsMax: number, eventsMax: number): void {
    let left = eventsMax;
    for (;;) {
      const before = textOfPosition(this.#merge.position);
      for (const { shard, afterLsn } of this.#merge.wanted(this.#shards.shards)) {
        this.#merge.offer(shard, (this.#shards.files.get(shard) as ShardFile).feed(afterLsn, rowsMax));
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
      const shards = new Shards();
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
}, 60_000);

/** What a shard whose ledger reaches back to `prunedLsn` answers. */
const pageFrom = (prunedLsn: number) => ({ prunedLsn, rows: [] });

test('a position before what is kept is told so', () => {
  const at = (lsn: number) => new FeedMerge({ places: new Map([[1, { lsn, carried: 0 }]]), lastShard: 1 });
  expect(() => at(9).offer(1, pageFrom(10))).toThrow(FeedGone);
  expect(() => at(10).offer(1, pageFrom(10))).not.toThrow();
});

test.each(['', ';', '1:2', '1:2;', '1;1', '1:2,;1', '1:2,1:3;1', '1:2+;1', 'x:2;1', '1:-2;1', '1:2;1 '])(
  'is no position: %j',
  (text) => {
    expect(positionOfText(text)).toBeUndefined();
  },
);
