/**
 * What operators order is held to, whatever happens beside it: the rebalancer over a real record, with shards that do what
 * they are asked, on a clock that the tests move on.
 */

import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Log } from '../../src/ports/log.ts';
import { TopologyFile } from '../../src/primary/topology-file.ts';
import { ClientFigures } from '../../src/rebalance/client-figures.ts';
import type { MoveAnswer, MoveCommand, MoveOrder } from '../../src/rebalance/move.ts';
import type { Member, Members } from '../../src/rebalance/ports.ts';
import { Rebalancer } from '../../src/rebalance/rebalancer.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const answerTo: { readonly [command in MoveCommand]: MoveAnswer } = {
  prepare: 'prepared',
  track: 'tracked',
  copy: 'caught-up',
  freeze: 'frozen',
  finish: 'verified',
  release: 'released',
  cancel: 'cancelled',
};
const slots = 12;
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

type Asked = Omit<MoveOrder, 'sourceSocket'> & { readonly shard: number };

/** Shards that are ready as soon as they are added, and answer a millisecond after they were asked. */
class ScriptedMembers implements Members {
  readonly orders: Asked[] = [];
  readonly #ids = new Set([1, 2]);
  readonly removed: number[] = [];
  readonly away = new Set<number>();
  onOrder: (asked: Asked) => void = () => {};

  members(): Member[] {
    return [...this.#ids]
      .sort((a, b) => a - b)
      .map((id) => ({
        id,
        state: this.away.has(id) ? 'away' : 'ready',
        held: { keys: 0, bytes: 0 },
      }));
  }

  member(id: number): Member | undefined {
    return this.members().find((member) => member.id === id);
  }

  addShard(id: number): void {
    this.#ids.add(id);
  }

  removeShard(id: number): void {
    this.removed.push(id);
  }

  /** Its process has ended. */
  end(id: number): void {
    this.#ids.delete(id);
  }

  order(shard: number, order: Omit<MoveOrder, 'sourceSocket'>): void {
    this.orders.push({ shard, ...order });
    this.onOrder({ shard, ...order });
  }

  announce(): void {}
}

function startRebalancer() {
  const path = join(temporaryDirectory(), 'meta.sqlite');
  const record = new TopologyFile(path, { strategy: 'partitioned', store: 'sqlite', shards: 2, slots });
  const clock = new VirtualClock();
  const members = new ScriptedMembers();
  const clients = new ClientFigures(() => [], clock);
  const rebalancer = new Rebalancer({ record, members, clients, clock, log: silent });
  const answer = ({ shard, command, move }: Asked) =>
    clock.after(1, () => {
      const side = shard === move.from ? 'source' : 'target';
      rebalancer.onReport({ type: 'move-answer', move: move.id, side, answer: answerTo[command] });
    });
  members.onOrder = answer;
  rebalancer.start();
  onTestFinished(() => {
    rebalancer.stop();
    record.close();
  });
  const commands = () => members.orders.map(({ command }) => command);
  return { record, clock, members, rebalancer, answer, commands };
}

test('a shard is added by moves of its share of the slots, and removed with its process and its row', () => {
  const { record, clock, members, rebalancer } = startRebalancer();
  rebalancer.request({ kind: 'add-shard' });
  clock.run(5_000);
  expect(record.openChanges()).toEqual([]);
  expect(record.ring.shards().map((shard) => record.ring.slotsOf(shard).length)).toEqual([4, 4, 4]);

  rebalancer.request({ kind: 'remove-shard', shard: 3 });
  clock.run(5_000);
  expect(members.removed).toContain(3);
  expect([record.openChanges().length, [...record.weights().keys()]]).toEqual([1, [1, 2, 3]]);
  members.end(3);
  rebalancer.onRemoved();
  clock.run(100);
  expect([record.openChanges(), [...record.weights().keys()]]).toEqual([[], [1, 2]]);
});

test('a pause lets the batch under way end and begins no other, until it is resumed', () => {
  const { record, clock, members, rebalancer, answer, commands } = startRebalancer();
  members.onOrder = (asked) => {
    if (asked.command === 'freeze') expect(rebalancer.pause()).toBe(true);
    answer(asked);
  };
  rebalancer.request({ kind: 'add-shard' });
  clock.run(60_000);
  expect(commands().filter((command) => command === 'release').length).toBe(2);
  expect(record.openChanges()).toMatchObject([{ state: 'running', isPaused: true }]);
  expect(rebalancer.status().running).toMatchObject({ phase: 'paused' });

  members.onOrder = answer;
  expect(rebalancer.resume()).toBe(true);
  clock.run(5_000);
  expect(record.openChanges()).toEqual([]);
  expect([rebalancer.pause(), rebalancer.resume()]).toEqual([false, false]);
});

/** As the disk of the target gets full in the batch during which an operator pauses. */
function startFullAndPaused() {
  const started = startRebalancer();
  const { clock, members, rebalancer, answer } = started;
  members.onOrder = (asked) => {
    const finishes = members.orders.filter(({ command }) => command === 'finish').length;
    if (asked.command !== 'finish' || finishes < 2) return void answer(asked);
    members.onOrder = answer;
    rebalancer.pause();
    const refusal = { code: 'disk-full', reason: 'the disk of shard 3 is full' } as const;
    clock.after(1, () =>
      rebalancer.onReport({ type: 'move-refusal', move: asked.move.id, side: 'target', ...refusal }),
    );
  };
  rebalancer.request({ kind: 'add-shard' });
  clock.run(60_000);
  return started;
}

test('a full disk undoes a paused change only once it is resumed', () => {
  const { record, clock, members, rebalancer } = startFullAndPaused();
  expect(record.openChanges()).toMatchObject([{ state: 'undoing', isPaused: true }]);
  expect(record.ring.slotsOf(3)).not.toEqual([]);
  rebalancer.resume();
  clock.run(5_000);
  expect(record.ring.shards()).toEqual([1, 2]);
  expect(members.removed).toContain(3);
});

test('an abort is an order to go on, also where what is paused is being undone already', () => {
  const { record, clock, rebalancer } = startFullAndPaused();
  expect(rebalancer.abort('an operator aborted it')).toBe(true);
  clock.run(5_000);
  expect(record.ring.shards()).toEqual([1, 2]);
  // It runs already, and is not paused.
  expect(rebalancer.abort('an operator aborted it')).toBe(false);
});

test('while batches are held back none begins, and whoever holds them is told when none is under way', () => {
  const { clock, members, rebalancer, record } = startRebalancer();
  rebalancer.request({ kind: 'add-shard' });
  clock.run(1);
  const told: string[] = [];
  rebalancer.holdBatches(() => told.push(members.orders.at(-1)?.command ?? 'nothing'));
  expect(told).toEqual([]);
  clock.run(60_000);
  expect(told).toEqual(['release']);
  expect(record.openChanges()).toHaveLength(1);
  rebalancer.letBatchesBegin();
  clock.run(5_000);
  expect(record.openChanges()).toEqual([]);
});

test('a new shard that is not ready within 20 seconds is given up', () => {
  const { record, clock, members, rebalancer } = startRebalancer();
  members.away.add(3);
  const { id } = rebalancer.request({ kind: 'add-shard' });
  clock.run(19_000);
  expect(rebalancer.status().running).toMatchObject({ phase: 'waiting', waitsFor: { shard: 3 } });
  clock.run(2_000);
  expect(record.change(id)).toMatchObject({ state: 'undoing', reason: 'shard 3 does not start' });
});

test('how long others were waited for does not count against a new shard', () => {
  const { record, clock, members, rebalancer } = startRebalancer();
  for (const source of [1, 2]) members.away.add(source);
  const { id } = rebalancer.request({ kind: 'add-shard' });
  clock.run(30_000);
  members.away.clear();
  members.away.add(3);
  clock.run(1_000);
  members.away.clear();
  clock.run(5_000);
  expect(record.change(id)).toMatchObject({ state: 'done' });
});
