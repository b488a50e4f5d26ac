/** The giving side of a move: what it answers in each state, what it remembers, and when it serves no more. */

import { beforeEach, describe, expect, test } from 'vitest';
import type { Operation } from '../../src/kv/operation.ts';
import { slotOf } from '../../src/partition/slot.ts';
import { MoveSource } from '../../src/rebalance/source.ts';
import { atomic, get, increment, put, remove } from '../support/operations.ts';
import { ScriptedStorage } from '../support/scripted-storage.ts';

const key = (text: string) => Buffer.from(`{moving}${text}`);
const slot = slotOf(key(''));
const move = { id: 7, from: 1, to: 2, slots: [slot] };
const later = { ...move, id: 8 };

let storage: ScriptedStorage;
let source: MoveSource;
beforeEach(() => {
  storage = new ScriptedStorage();
  source = new MoveSource(storage);
});

function changesAsked(): string[] {
  const reply = source.answer({ kind: 'changes', move: 7, ledgerSinceLsn: 5 });
  if (reply.kind !== 'changes') throw new Error(`answered ${reply.kind}`);
  return reply.changes.map((change) => change.key.toString().slice('{moving}'.length));
}

describe('commands', () => {
  test('lead from idle to tracking to frozen, and may be asked again', () => {
    expect(source.move).toBeUndefined();
    expect([source.track(move), source.track(move)]).toEqual(['tracked', 'tracked']);
    expect([source.move, source.isFrozen, source.refuses(slot)]).toEqual([move, false, false]);
    expect([source.freeze(7), source.freeze(7)]).toEqual(['frozen', 'frozen']);
    expect([source.isFrozen, source.refuses(slot)]).toEqual([true, true]);
    expect(source.track(move)).toBe('tracked');
    expect(source.isFrozen).toBe(true);
  });

  test('concern the slots of the move and no others', () => {
    expect(source.isLeaving(slot)).toBe(false);
    source.track(move);
    expect([source.isLeaving(slot), source.isLeaving(slot + 1)]).toEqual([true, false]);
    source.freeze(7);
    expect([source.isLeaving(slot), source.refuses(slot + 1)]).toEqual([true, false]);
  });

  test('freeze nothing that is not tracked', () => {
    expect(source.freeze(7)).toBeUndefined();
    source.track(move);
    expect(source.freeze(8)).toBeUndefined();
    expect(source.isFrozen).toBe(false);
  });

  test('of an older move are late news, and of a newer one begin that one', () => {
    source.track(later);
    expect(source.track(move)).toBeUndefined();
    expect(source.move).toEqual(later);
    source.freeze(8);
    expect(source.track({ ...move, id: 9 })).toBe('tracked');
    expect(source.isFrozen).toBe(false);
  });

  test('of a move that has ended are late news', () => {
    source.track(move);
    source.freeze(7);
    source.end(7);
    expect([source.move, source.isFrozen, source.refuses(slot)]).toEqual([undefined, false, false]);
    expect([source.track(move), source.freeze(7)]).toEqual([undefined, undefined]);
    expect(source.track(later)).toBe('tracked');
  });

  test('that end another move leave this one', () => {
    source.track(later);
    source.end(7);
    expect(source.move).toEqual(later);
    source.end(8);
    source.end(7);
    expect(source.track(later)).toBeUndefined();
  });

  test('to cancel make it serve again, and forget what was noted', () => {
    source.track(move);
    source.freeze(7);
    expect(source.cancel(7)).toBe('cancelled');
    expect([source.refuses(slot), source.track(move)]).toEqual([false, undefined]);
    expect(storage.asked).toEqual([`forgetSums ${slot}`, 'forget 7']);
  });
});

describe('writes', () => {
  test('are remembered from tracking on, each key once, and no reads', () => {
    const write = (text: string): Operation => put(key(text), '1');
    source.noteWrite(write('before'));
    source.track(move);
    source.noteWrite(write('a'));
    source.noteWrite(remove(key('b')));
    source.noteWrite(increment(key('c'), 1));
    source.noteWrite(get(key('read')));
    source.noteWrite(write('a'));
    source.noteWrite(put('another slot', '1'));
    expect(changesAsked()).toEqual(['a', 'b', 'c']);
    expect(changesAsked()).toEqual([]);
    source.noteWrite(write('a'));
    expect(changesAsked()).toEqual(['a']);
  });

  test('of a batch are remembered one by one', () => {
    source.track(move);
    source.noteWrite(atomic(put(key('a'), '1'), get(key('b')), remove(key('c'))));
    expect(changesAsked()).toEqual(['a', 'c']);
  });

  test('are remembered by a copy of their key: its bytes belong to a socket', () => {
    source.track(move);
    const bytes = key('a');
    source.noteWrite(put(bytes, '1'));
    bytes.fill(0);
    expect(changesAsked()).toEqual(['a']);
  });

  test('stay remembered when the move is tracked again', () => {
    source.track(move);
    source.noteWrite(put(key('a'), '1'));
    source.track(move);
    expect(changesAsked()).toEqual(['a']);
  });
});

describe('answers', () => {
  test('refuse what is not of this move', () => {
    const refusal = { kind: 'refusal', code: 'move-unknown', reason: 'the source knows nothing of move 7' };
    expect(source.answer({ kind: 'page', move: 7, after: undefined, step: 'short' })).toEqual(refusal);
    source.track(later);
    expect(source.answer({ kind: 'changes', move: 7, ledgerSinceLsn: 0 })).toEqual(refusal);
    expect(storage.asked).toEqual([]);
  });

  test('give pages of the size that is asked for', () => {
    source.track(move);
    const after = { slot, key: key('k') };
    expect(source.answer({ kind: 'page', move: 7, after, step: 'short' })).toEqual({
      kind: 'page',
      ...storage.nextPage,
    });
    source.answer({ kind: 'page', move: 7, after: undefined, step: 'long' });
    expect(storage.asked).toEqual([
      `page ${slot} after ${slot} 512 ${256 * 1024}`,
      `page ${slot} after undefined 8192 ${4 * 1024 * 1024}`,
    ]);
  });

  test('give the rest in steps too, each no larger than a long page', () => {
    source.track(move);
    for (let n = 0; n < 8_200; n++) source.noteWrite(put(key(`${n}`), '1'));
    source.freeze(7);
    const rest = (ledgerSinceLsn: number) => source.answer({ kind: 'rest', move: 7, ledgerSinceLsn });
    expect(rest(5)).toMatchObject({ kind: 'changes', left: 8, ledger: storage.ledger });
    storage.ledger = { ...storage.ledger, isWhole: false };
    const second = rest(40);
    expect(second).toMatchObject({ kind: 'changes', left: 0, ledger: { isWhole: false } });
    expect(second.kind === 'changes' && second.changes).toHaveLength(8);
    storage.ledger = { ...storage.ledger, isWhole: true };
    expect(rest(40)).toMatchObject({ kind: 'rest', changes: [], sum: storage.sum });
  });

  test('give changes in steps, say what is left, and let sums be found meanwhile', () => {
    source.track(move);
    for (let n = 0; n < 600; n++) source.noteWrite(put(key(`${n}`), '1'));
    storage.unsummed = [4];
    const reply = source.answer({ kind: 'changes', move: 7, ledgerSinceLsn: 5 });
    expect(reply).toMatchObject({ left: 88, slotsUnsummed: 4, ledger: storage.ledger });
    expect(reply.kind === 'changes' && reply.changes).toHaveLength(512);
    expect(storage.asked).toEqual([`sumSome ${slot} 512`, `ledgerSince ${slot} 5 1024`]);
    expect(changesAsked()).toHaveLength(88);
  });

  test('give the names of writes that have one, in steps, and pass over those that were refused', () => {
    source.track(move);
    const named = (first: number, n: number) => {
      const opId = Buffer.alloc(16, first);
      opId.writeUInt32LE(n, 8);
      return { ...put(key(`${n}`), '1'), idempotencyKey: { opId, fingerprint: Buffer.alloc(8) } };
    };
    for (let n = 0; n < 511; n++) source.noteWrite(named(1, n));
    source.noteWrite(named(0, 511));
    source.noteWrite(atomic(named(1, 512), named(1, 513)));
    const ask = () => {
      const reply = source.answer({ kind: 'changes', move: 7, ledgerSinceLsn: 5 });
      return reply.kind === 'changes' && [reply.names.length / 16, reply.left];
    };
    expect([ask(), ask(), ask()]).toEqual([
      [511, 4],
      [2, 0],
      [0, 0],
    ]);
  });

  test('end a step of changes by its bytes too', () => {
    source.track(move);
    const long = (n: number) => Buffer.concat([key(`${n}`.padStart(4, '0')), Buffer.alloc(984)]);
    for (let n = 0; n < 400; n++) source.noteWrite(put(long(n), '1'));
    // Each is 1,024 bytes as packed: the 256th reaches 256 KiB.
    expect(changesAsked()).toHaveLength(256);
  });

  test('give the rest only once frozen: all changes, the rest of the ledger, the sum', () => {
    source.track(move);
    for (let n = 0; n < 600; n++) source.noteWrite(put(key(`${n}`), '1'));
    expect(source.answer({ kind: 'rest', move: 7, ledgerSinceLsn: 5 })).toEqual({
      kind: 'refusal',
      code: 'move-unknown',
      reason: 'move 7 is not frozen',
    });
    source.freeze(7);
    const reply = source.answer({ kind: 'rest', move: 7, ledgerSinceLsn: 5 });
    expect(reply).toMatchObject({ kind: 'rest', ledger: storage.ledger, sum: storage.sum, lsn: 40, forgottenLsn: 3 });
    expect(reply.kind === 'rest' && reply.changes).toHaveLength(600);
    expect(storage.asked).toEqual([`ledgerSince ${slot} 5 1024`, 'openOutgoing 7']);
  });
});
