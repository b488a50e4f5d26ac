/**
 * What the slots of a move come to is gathered while their rows are read and stored; whatever is written in between,
 * it must be what somebody who reads them all would find.
 */

import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Operation } from '../../src/kv/operation.ts';
import { PackedRows } from '../../src/rebalance/packed-rows.ts';
import type { Cursor, Row, SlotSum } from '../../src/rebalance/row.ts';
import { ShardFile } from '../../src/sqlite/shard-file.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const slots = [3, 4, 9];
const move = { id: 1, from: 1, to: 2, slots };
const identity = { service: 'test', shard: 1 };

const write = fc.record({
  kind: fc.constantFrom('put' as const, 'delete' as const),
  slot: fc.constantFrom(...slots),
  key: fc.constantFrom('a', 'b', 'c', 'd').map((text) => Buffer.from(text)),
  value: fc.string({ maxLength: 3 }).map((text) => Buffer.from(text)),
});

function execute(file: ShardFile, { kind, slot, key, value }: typeof write extends fc.Arbitrary<infer W> ? W : never) {
  const operation: Operation =
    kind === 'put' ? { kind, slot, key, contentType: 'text/plain', value } : { kind, slot, key };
  file.execute([{ operation }]);
}

/** What a process finds that was not there before. */
function sumFromScratch(path: string): SlotSum {
  const file = new ShardFile(path, identity);
  const { keys, bytes, digest } = file.transfer.openOutgoing(move);
  file.close();
  return { keys, bytes, digest };
}

test("the source's sum is what its rows come to, whatever is written between its pages", () => {
  fc.assert(
    fc.property(
      fc.array(write, { maxLength: 12 }),
      fc.array(fc.oneof(write, fc.constant('page' as const), fc.constant('sum' as const)), { maxLength: 24 }),
      fc.integer({ min: 1, max: 4 }),
      (before, steps, rowsMax) => {
        const path = join(temporaryDirectory(), 'shard.sqlite');
        const file = new ShardFile(path, identity);
        for (const one of before) execute(file, one);
        let next: Cursor | undefined;
        for (const step of steps) {
          if (step === 'page') next = file.transfer.page(slots, next, { rowsMax, bytesMax: 1_000 }).next;
          else if (step === 'sum') file.transfer.sumSome(slots, { rowsMax: 2, bytesMax: 1_000 });
          else execute(file, step);
        }
        const { keys, bytes, digest } = file.transfer.openOutgoing(move);
        file.close();
        expect({ keys, bytes, digest }).toEqual(sumFromScratch(path));
      },
    ),
    { numRuns: 60 },
  );
});

test('a slot that is written all the time stays summed, and is never read again for it', () => {
  const file = new ShardFile(join(temporaryDirectory(), 'shard.sqlite'), identity);
  const written = (value: string) => ({
    kind: 'put' as const,
    slot: 3,
    key: Buffer.from('a'),
    value: Buffer.from(value),
  });
  execute(file, written('before'));
  file.transfer.page(slots, undefined, { rowsMax: 9, bytesMax: 1_000 });
  for (const value of ['1', '22', '']) execute(file, written(value));
  expect(file.transfer.sumSome(slots, { rowsMax: 0, bytesMax: 1 })).toBe(0);
  file.close();
});

function rowOf(key: string, version: number): Row {
  return { slot: 3, key: Buffer.from(key), version, contentType: 'text/plain', value: Buffer.from(key) };
}

test('the target compares what lies in its file, not what it was sent', () => {
  const rows = [rowOf('a', 1), rowOf('b', 2)];
  const source = new ShardFile(join(temporaryDirectory(), 'shard.sqlite'), identity);
  source.transfer.openIncoming(move);
  expect(source.transfer.wipe(slots, 128)).toBe(true);
  source.transfer.store(PackedRows.of(rows));
  const expected = source.transfer.openOutgoing(move);
  source.close();

  const sealed = (sent: readonly Row[], changes: readonly Row[]) => {
    const file = new ShardFile(join(temporaryDirectory(), 'shard.sqlite'), { service: 'test', shard: 2 });
    file.transfer.openIncoming(move);
    expect(file.transfer.wipe(slots, 128)).toBe(true);
    for (const row of sent) file.transfer.store(PackedRows.of([row]));
    const nothing = { names: Buffer.alloc(0), records: Buffer.alloc(0) };
    const isSealed = file.transfer.seal(move, { changes, ...nothing, sourceLsn: 9, forgottenLsn: 0, expected });
    file.close();
    return isSealed;
  };
  expect(sealed(rows, [])).toBe(true);
  expect(sealed([rowOf('a', 1)], [rowOf('b', 2)])).toBe(true);
  // Came twice: the file has it once.
  expect(sealed([...rows, rowOf('a', 1)], [])).toBe(true);
  expect(sealed([rowOf('a', 1)], [])).toBe(false);
  expect(sealed(rows, [rowOf('a', 3)])).toBe(false);
  expect(sealed([...rows, rowOf('c', 3)], [])).toBe(false);
});
