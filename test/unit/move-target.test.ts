/** The receiving side of a move: what it asks for and stores in each state, and that it says `verified` last of all. */

import { beforeEach, describe, expect, test } from 'vitest';
import { packRecords } from '../../src/kv/write-record.ts';
import type { SourceReply } from '../../src/rebalance/move.ts';
import { PackedRows } from '../../src/rebalance/packed-rows.ts';
import type { Row } from '../../src/rebalance/row.ts';
import { MoveTarget, type TargetEffect } from '../../src/rebalance/target.ts';
import { ScriptedStorage } from '../support/scripted-storage.ts';

const move = { id: 7, from: 1, to: 2, slots: [3, 4] };
const later = { ...move, id: 8 };
const row: Row = { slot: 3, key: Buffer.from('key'), version: 1, contentType: '', value: Buffer.from('value') };
const rowBytes = 28 + 3 + 5;
const cursor = { slot: 3, key: Buffer.from('key') };

let storage: ScriptedStorage;
let target: MoveTarget;
beforeEach(() => {
  storage = new ScriptedStorage();
  target = new MoveTarget(storage);
});

function answer(said: string, id = 7): unknown {
  return { kind: 'answer', move: id, answer: said };
}

function request(kind: 'changes' | 'rest', ledgerSinceLsn: number): unknown {
  return { kind: 'request', request: { kind, move: 7, ledgerSinceLsn } };
}

/** Packed records with these versions. */
function records(...versions: number[]): Buffer {
  return packRecords(
    versions.map((version) => ({
      opId: Buffer.alloc(16, version),
      slot: 3,
      shard: 1,
      key: Buffer.from('key'),
      outcome: { kind: 'replaced', version },
    })),
  );
}

function receive(reply: SourceReply): TargetEffect[] {
  return [...target.receive(reply)];
}

const lastPage: SourceReply = { kind: 'page', rows: PackedRows.of([row]), next: undefined };
const lastNames: SourceReply = { kind: 'names', names: records(7), next: undefined };
/** Of a row behind the cursor. */
const pageBehind: SourceReply = {
  kind: 'page',
  rows: PackedRows.of([{ ...row, key: Buffer.from('kez') }]),
  next: undefined,
};
type Changes = Extract<SourceReply, { kind: 'changes' }>;

function changes(more: Partial<Changes> = {}): Changes {
  const ledger = { results: records(29, 30), upToLsn: 30, isWhole: true };
  return { kind: 'changes', changes: [], names: Buffer.alloc(0), left: 0, slotsUnsummed: 0, ledger, ...more };
}

const rest: SourceReply = {
  kind: 'rest',
  changes: [row],
  names: records(9),
  ledger: { results: records(30, 40), upToLsn: 40, isWhole: true },
  sum: { keys: 1, bytes: 8, digest: 9 },
  lsn: 44,
  forgottenLsn: 2,
};

/** Brings the target to where it waits to finish. */
function catchUp(): void {
  target.prepare(move, 'short');
  target.copy(7, 'short');
  receive(lastPage);
  receive(lastNames);
  receive(changes());
}

describe('prepare', () => {
  test('notes the slots, wipes them and answers', () => {
    expect(target.prepare(move, 'short')).toEqual([answer('prepared')]);
    expect(storage.asked).toEqual(['openIncoming 7', 'wipe 3,4 128']);
    expect(target.move).toEqual(move);
    expect(target.prepare(move, 'short')).toEqual([answer('prepared')]);
    expect(storage.asked).toHaveLength(2);
  });

  test('wipes in steps, each of which is progress, and larger ones where nobody waits', () => {
    storage.wipes = [false, false];
    const again = [
      { kind: 'progress', move: 7, rows: 0, bytes: 0, names: 0 },
      { kind: 'wipe', move: 7 },
    ];
    expect(target.prepare(move, 'long')).toEqual(again);
    expect(target.prepare(move, 'long')).toEqual([]);
    expect(target.wipe(7)).toEqual(again);
    expect(target.wipe(8)).toEqual([]);
    expect(target.wipe(7)).toEqual([answer('prepared')]);
    expect(target.wipe(7)).toEqual([]);
    expect(storage.asked.slice(1)).toEqual(Array(3).fill('wipe 3,4 8192'));
  });

  test('of an older move, or of one that has ended, is late news; of a newer one it begins anew', () => {
    target.prepare(later, 'short');
    expect(target.prepare(move, 'short')).toEqual([]);
    expect(target.prepare({ ...move, id: 9 }, 'short')).toEqual([answer('prepared', 9)]);
    target.end(9);
    expect(target.move).toBeUndefined();
    expect(target.prepare({ ...move, id: 9 }, 'short')).toEqual([]);
  });

  test('of the move that is being copied is late news', () => {
    target.prepare(move, 'short');
    target.copy(7, 'short');
    expect(target.prepare(move, 'short')).toEqual([]);
  });
});

describe('copy', () => {
  test('asks for pages one ahead of storing, then for names, then for changes only after all of it is stored', () => {
    target.prepare(move, 'long');
    const page = (after: unknown) => ({ kind: 'request', request: { kind: 'page', move: 7, after, step: 'long' } });
    expect(target.copy(7, 'long')).toEqual([page(undefined)]);
    expect(receive(changes())).toEqual([]);
    const before = storage.asked.length;
    const effects = target.receive({ kind: 'page', rows: PackedRows.of([row]), next: cursor })[Symbol.iterator]();
    expect(effects.next().value).toEqual({ kind: 'progress', move: 7, rows: 1, bytes: rowBytes, names: 0 });
    expect(effects.next().value).toEqual(page(cursor));
    expect(storage.asked).toHaveLength(before);
    expect(effects.next().done).toBe(true);
    expect(storage.asked.at(-1)).toBe('store 1');
    const names = (after: unknown) => ({ kind: 'request', request: { kind: 'names', move: 7, after, step: 'long' } });
    const progress = { kind: 'progress', move: 7, rows: 0, bytes: 0, names: 0 };
    expect(receive(pageBehind)).toEqual([{ ...progress, rows: 1, bytes: rowBytes }, names(undefined)]);
    expect(storage.asked.at(-1)).toBe('store 1');
    const next = { slot: 3, key: Buffer.alloc(16, 2) };
    expect(receive({ kind: 'names', names: records(1, 2), next })).toEqual([{ ...progress, names: 2 }, names(next)]);
    expect(receive(changes())).toEqual([]);
    expect(receive(lastNames)).toEqual([{ ...progress, names: 1 }, request('changes', 0)]);
    expect(storage.asked.slice(-2)).toEqual([`keepNames ${records(1, 2).length}`, `keepNames ${records(7).length}`]);
  });

  test('ends with a defect where a page begins or ends no further than the one before it', () => {
    const rows = PackedRows.of([row]);
    target.prepare(move, 'short');
    target.copy(7, 'short');
    receive({ kind: 'page', rows, next: cursor });
    expect(() => receive({ kind: 'page', rows, next: undefined })).toThrow('gives again');
    const none = PackedRows.of([]);
    expect(() => receive({ kind: 'page', rows: none, next: cursor })).toThrow('ends where the one before it did');
    expect(() => receive({ kind: 'page', rows: none, next: { ...cursor, slot: 2 } })).toThrow('ends where');
    expect(() => receive(pageBehind)).not.toThrow();
  });

  test('is refused when the target knows nothing of the move, and goes on when it is asked again', () => {
    const unknown = { kind: 'refuse', move: 7, code: 'move-unknown', reason: 'the target knows nothing of this move' };
    expect(target.copy(7, 'short')).toEqual([unknown]);
    target.prepare(later, 'short');
    expect(target.copy(7, 'short')).toEqual([unknown]);
    target.prepare({ ...move, id: 9 }, 'short');
    expect(target.copy(9, 'short')).toHaveLength(1);
    expect(target.copy(9, 'short')).toEqual([]);
  });

  test('asked again once caught up says so again', () => {
    catchUp();
    expect(target.copy(7, 'short')).toEqual([answer('caught-up')]);
    expect(target.copy(8, 'short')).toMatchObject([{ kind: 'refuse' }]);
  });
});

describe('catching up', () => {
  beforeEach(() => {
    target.prepare(move, 'short');
    target.copy(7, 'short');
    receive(lastPage);
    receive(lastNames);
    storage.asked.length = 0;
  });

  test('is done when few changes are left, all is summed and the ledger is whole', () => {
    const effects = receive(changes({ changes: [row], names: records(8), left: 63 }));
    expect(effects).toEqual([{ kind: 'progress', move: 7, rows: 1, bytes: rowBytes, names: 1 }, answer('caught-up')]);
    expect(storage.asked).toEqual(['apply 1', `keepNames ${records(8).length}`, 'carry 7 30', 'sumSome 3,4 512']);
  });

  test('stores what is new of the ledger as it comes, before anybody has to wait for it', () => {
    const ledger = (results: Buffer, upToLsn: number, isWhole: boolean) => ({ ledger: { results, upToLsn, isWhole } });
    receive(changes(ledger(records(29, 30), 30, false)));
    receive(changes(ledger(records(30), 35, false)));
    receive(changes(ledger(records(30, 36), 36, true)));
    expect(storage.carried).toEqual([records(29, 30), records(36)]);
    expect(storage.asked.filter((asked) => asked.startsWith('carry'))).toEqual(['carry 7 30', 'carry 7 36']);
  });

  test.each<[string, Partial<Changes>, number[]]>([
    ['too many changes are left', { changes: [row], left: 64 }, []],
    ['the source does not know all sums', { slotsUnsummed: 1 }, []],
    ['the target does not know all sums', {}, [1]],
    ['neither knows all sums', { slotsUnsummed: 1 }, [1]],
    ['the ledger has more', { ledger: { results: Buffer.alloc(0), upToLsn: 30, isWhole: false } }, []],
  ])('goes on while %s', (_why, more, unsummed) => {
    storage.unsummed = unsummed;
    expect(receive(changes(more)).at(-1)).toEqual(request('changes', 30));
    expect(receive(changes()).at(-1)).toEqual(answer('caught-up'));
  });

  test('ends after a thousand rounds, however many changes there are', () => {
    for (let round = 1; round < 1_000; round++) {
      expect(receive(changes({ left: 1_000 })).at(-1)).toEqual(request('changes', 30));
    }
    expect(receive(changes({ left: 1_000 })).at(-1)).toEqual(answer('caught-up'));
  });

  test('takes no reply of another kind', () => {
    expect(receive(lastPage)).toEqual([]);
    expect(receive(rest)).toEqual([]);
    expect(storage.asked).toEqual([]);
  });
});

describe('finish', () => {
  test('stores the last changes and the whole ledger, compares, and only then is verified', () => {
    catchUp();
    expect(target.finish(8)).toMatchObject([{ kind: 'refuse', move: 8 }]);
    expect(target.finish(7)).toEqual([request('rest', 30)]);
    expect(target.finish(7)).toEqual([]);
    expect(receive(lastPage)).toEqual([]);
    expect(receive(rest)).toEqual([answer('verified')]);
    expect(storage.asked.at(-1)).toBe('seal 7');
    expect(storage.sealed).toEqual({
      changes: [row],
      names: records(9),
      // One record came twice.
      records: records(40),
      sourceLsn: 44,
      forgottenLsn: 2,
      expected: { keys: 1, bytes: 8, digest: 9 },
    });
    expect(target.finish(7)).toEqual([answer('verified')]);
    expect(target.finish(8)).toMatchObject([{ kind: 'refuse', move: 8 }]);
  });

  test('asks again while the rest is more than one reply may have', () => {
    catchUp();
    target.finish(7);
    const ledger = { results: records(35), upToLsn: 35, isWhole: false };
    expect(receive(changes({ changes: [row], left: 3, ledger }))).toEqual([request('rest', 35)]);
    expect(storage.asked.slice(-3)).toEqual(['apply 1', 'keepNames 0', 'carry 7 35']);
    expect(receive(rest)).toEqual([answer('verified')]);
    expect(storage.carried).toEqual([records(29, 30), records(35)]);
    expect(storage.sealed?.records).toEqual(records(40));
  });

  test('is refused when the rows are not those of the source', () => {
    catchUp();
    target.finish(7);
    storage.isSealable = false;
    const refusal = {
      kind: 'refuse',
      move: 7,
      code: 'rows-differ',
      reason: 'the rows that arrived are not those that shard 1 holds',
    };
    expect(receive(rest)).toEqual([refusal]);
    expect(target.finish(7)).toEqual([]);
  });

  test('is refused by a target that knows nothing of the move, and is nothing while it copies', () => {
    expect(target.finish(7)).toMatchObject([{ kind: 'refuse', move: 7 }]);
    target.prepare(move, 'short');
    expect(target.finish(7)).toEqual([]);
  });
});

describe('the end', () => {
  test('by a cancel forgets the move, also one that is unknown', () => {
    catchUp();
    expect(target.cancel(7)).toEqual([answer('cancelled')]);
    expect(target.move).toBeUndefined();
    expect(storage.asked.at(-1)).toBe('forget 7');
    expect(target.prepare(move, 'short')).toEqual([]);
    expect(target.cancel(9)).toEqual([answer('cancelled', 9)]);
  });

  test('by a step that failed stores nothing of what was asked for already, and refuses to go on', () => {
    target.prepare(move, 'short');
    target.copy(7, 'short');
    storage.asked.length = 0;
    target.drop();
    expect(receive(lastPage)).toEqual([]);
    expect(storage.asked).toEqual([`forgetSums ${move.slots}`]);
    expect(target.copy(7, 'short')).toEqual([expect.objectContaining({ kind: 'refuse', code: 'move-unknown' })]);
    expect(target.cancel(7)).toEqual([answer('cancelled')]);
  });

  test('of another move leaves this one', () => {
    target.prepare(later, 'short');
    target.end(7);
    expect(target.move).toEqual(later);
    target.end(8);
    target.end(7);
    expect(target.prepare(later, 'short')).toEqual([]);
  });

  test('of the source is told where rows are still awaited, and nowhere else', () => {
    const lost = () => target.sourceLost();
    const refusal = [{ kind: 'refuse', move: 7, code: 'source-lost', reason: 'the connection to the source was lost' }];
    expect(lost()).toEqual([]);
    storage.wipes = [false];
    target.prepare(move, 'short');
    expect(lost()).toEqual([]);
    target.wipe(7);
    expect(lost()).toEqual([]);
    target.copy(7, 'short');
    expect(lost()).toEqual(refusal);
    expect(receive({ kind: 'refusal', code: 'disk-full', reason: 'no room' })).toEqual([
      { kind: 'refuse', move: 7, code: 'disk-full', reason: 'no room' },
    ]);
    receive(lastPage);
    expect(lost()).toEqual(refusal);
    receive(lastNames);
    expect(lost()).toEqual(refusal);
    receive(changes());
    expect(lost()).toEqual(refusal);
    target.finish(7);
    expect(lost()).toEqual(refusal);
    receive(rest);
    expect(lost()).toEqual([]);
  });

  test('of what was asked before a cancel is nothing', () => {
    catchUp();
    target.cancel(7);
    expect([receive(lastPage), receive(changes()), receive(rest)]).toEqual([[], [], []]);
  });
});
