/**
 * What is there and then what changes, told to one client, with real files: between any two steps keys are written and
 * deleted, slots move, shards come and go, and the client comes back.
 */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FeedEvent, FeedMerge } from '../../src/kv/feed-merge.ts';
import { positionOfText, textOfPosition, type WatchPosition } from '../../src/kv/feed-position.ts';
import { Inventory } from '../../src/kv/inventory.ts';
import type { ShardFile } from '../../src/sqlite/shard-file.ts';
import { FileShards } from '../support/file-shards.ts';
import { listQuery, put } from '../support/operations.ts';

const keys = ['a', 'b', 'c', 'd', 'e', '{a}2'];

type Told = { readonly key: string; readonly version: number; readonly type: string };

/** Takes one step at a time, as a stream does. */
class Client {
  readonly told: Told[] = [];
  hasComeBack = false;
  readonly #shards: FileShards;
  #id: string;
  #merge!: FeedMerge;
  #inventory: Inventory | undefined;

  constructor(shards: FileShards) {
    this.#shards = shards;
    this.#id = textOfPosition({ places: shards.ends, lastShard: shards.lastShard, listedTo: Buffer.alloc(0) });
    this.#open();
  }

  get isLive(): boolean {
    return this.#inventory?.listedTo === undefined;
  }

  comeBack(): void {
    this.hasComeBack = true;
    this.#open();
  }

  /** A page of the ledgers. @param eventsMax after which it is dropped, and comes back */
  read(rowsMax: number, eventsMax: number): void {
    let left = eventsMax;
    const { shards } = this.#shards;
    for (const { shard, after } of this.#merge.wanted(shards)) {
      this.#merge.offer(shard, (this.#shards.files.get(shard) as ShardFile).feed(after, rowsMax));
    }
    for (const event of this.#merge.events(shards)) {
      if (this.#inventory?.tells(event.key) === false) continue;
      this.#tell(event);
      if (--left === 0) return this.comeBack();
    }
  }

  list(limit: number): void {
    const inventory = this.#inventory;
    if (inventory?.wantsPage) {
      const page = this.#shards.list(listQuery({ after: inventory.after, limit }));
      inventory.offer(page, this.#shards.ends);
    }
  }

  /** The rows of the page, if they can be told now. @param rowsMax after which it is dropped, and comes back */
  tellRows(rowsMax: number): void {
    const behind = this.#inventory?.behind((shard) => this.#merge.lsnOf(shard)) ?? [];
    if (behind.some((shard) => !this.#shards.files.has(shard))) this.#inventory?.moveEnds(this.#shards.ends);
    else if (behind.length === 0) {
      let left = rowsMax;
      for (const { key, version } of this.#inventory?.rows() ?? []) {
        this.#tell({ type: 'put', key, version });
        if (--left === 0) return this.comeBack();
      }
    }
  }

  #open(): void {
    const position = positionOfText(this.#id) as WatchPosition;
    this.#merge = new FeedMerge(position);
    this.#inventory = position.listedTo && new Inventory(position.listedTo, this.hasComeBack);
  }

  #tell({ type, key, version }: FeedEvent): void {
    this.told.push({ key: key.toString(), version, type });
    this.#id = textOfPosition({ ...this.#merge.position, listedTo: this.#inventory?.listedTo });
  }
}

const anyStep = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('write' as const), key: fc.constantFrom(...keys), isDelete: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('move' as const), key: fc.constantFrom(...keys), to: fc.nat(9) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('add' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), shard: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('list' as const), limit: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('tell' as const), rowsMax: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      rowsMax: fc.integer({ min: 1, max: 4 }),
      eventsMax: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('come back' as const) }) },
);
type Step = typeof anyStep extends fc.Arbitrary<infer One> ? One : never;

function take(step: Step, shards: FileShards, client: Client | undefined): void {
  const pick = (n: number) => shards.shards[n % shards.shards.length] as number;
  if (step.do === 'write') shards.write(step.key, step.isDelete ? 'delete' : 'put');
  if (step.do === 'move') shards.move(put(step.key, '').slot, pick(step.to));
  if (step.do === 'add' && shards.shards.length < 5) shards.add();
  if (step.do === 'remove') shards.remove(pick(step.shard));
  if (step.do === 'list') client?.list(step.limit);
  if (step.do === 'tell') client?.tellRows(step.rowsMax);
  if (step.do === 'read') client?.read(step.rowsMax, step.eventsMax);
  if (step.do === 'come back') client?.comeBack();
}

test('each key is told once as it is and from then on with every change in order, whatever moves and whoever goes', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 20 }), fc.array(anyStep, { maxLength: 60 }), (before, steps) => {
      const shards = new FileShards(keys);
      try {
        for (const step of before) take(step, shards, undefined);
        const client = new Client(shards);
        for (const step of steps) take(step, shards, client);
        for (let turns = 0; !client.isLive; turns++) {
          expect(turns).toBeLessThan(100);
          client.list(3);
          client.read(3, Number.POSITIVE_INFINITY);
          client.tellRows(Number.POSITIVE_INFINITY);
        }
        for (let turns = 0; turns < 100; turns++) client.read(3, Number.POSITIVE_INFINITY);
        for (const key of keys) {
          const written = shards.written.filter((write) => write.key === key);
          const told = client.told.filter((one) => one.key === key);
          const versions = told.map(({ version }) => version);
          const isFirst = (version: number, index: number) => versions.indexOf(version) === index;
          // Who has come back may be told again of what it knows.
          const given = client.hasComeBack ? told.filter(({ version }, index) => isFirst(version, index)) : told;
          const isThere = written.at(-1)?.type === 'put';
          if (given.length === 0) expect([key, isThere]).toEqual([key, false]);
          else expect(given).toEqual(written.slice(-given.length));
        }
      } finally {
        shards.close();
      }
    }),
    { numRuns: Number(process.env['INVENTORY_RUNS'] ?? 50) },
  );
});

test('the last key of a page and the last that was told are told of, and no key behind them', () => {
  const row = (key: string) =>
    ({ kind: 'key', key: Buffer.from(key), version: 1, contentType: '', valueBytes: 0 }) as const;
  const inventory = new Inventory(Buffer.alloc(0), false);
  const tells = (text: string) => [...text].map((key) => inventory.tells(Buffer.from(key)));
  expect(tells('ab')).toEqual([false, false]);
  const next = { kind: 'key', bytes: Buffer.from('c') } as const;
  inventory.offer({ kind: 'listing', entries: [row('a'), row('c')], next }, new Map());
  expect(tells('bcd')).toEqual([true, true, false]);
  // The row of `c` is from before the event.
  expect([...inventory.rows()].map(({ key }) => key.toString())).toEqual(['a']);
  expect(inventory.after).toEqual(next);
  expect(tells('abcd')).toEqual([true, true, true, false]);
  inventory.offer({ kind: 'listing', entries: [row('d')], next: undefined }, new Map());
  expect(tells('cdz')).toEqual([true, true, true]);
  expect([[...inventory.rows()], inventory.listedTo]).toEqual([[], undefined]);
  expect(tells('z')).toEqual([true]);
});
