/** A shard's part in moves: what becomes of one whose shard finds no room. */

import { expect, test } from 'vitest';
import { ringOf } from '../../src/partition/ring.ts';
import type { Move, MoveOrder, MoveReport } from '../../src/rebalance/move.ts';
import { MoveParticipant } from '../../src/rebalance/participant.ts';
import type { ParticipantStorage } from '../../src/rebalance/ports.ts';
import { ScriptedStorage } from '../support/scripted-storage.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const move: Move = { id: 7, from: 1, to: 2, slots: [3] };

class FullStorage extends ScriptedStorage implements ParticipantStorage {
  isMovingBesideClients = false;
  hasRoom = false;

  override wipe(slots: readonly number[], rowsMax: number): boolean {
    if (!this.hasRoom) throw new Error('full');
    return super.wipe(slots, rowsMax);
  }

  settle(): number[] {
    return [];
  }

  purgeStep(): boolean {
    return false;
  }

  isDiskFull(): boolean {
    return true;
  }
}

test('a target without room lets go of the move, so that it may begin anew when there is room', () => {
  const storage = new FullStorage();
  const told: MoveReport[] = [];
  const participant = new MoveParticipant({
    shard: move.to,
    storage,
    ring: ringOf({ epoch: 1, ranges: [[0, 16_383, 1]] }),
    clock: new VirtualClock(),
    connect: () => {
      throw new Error('nothing is copied');
    },
    tell: (report) => told.push(report),
  });
  const prepare: MoveOrder = { command: 'prepare', move, epoch: 1, sourceSocket: null, rowsPerS: 0 };
  participant.onOrder(prepare);
  expect(told).toEqual([expect.objectContaining({ type: 'move-refusal', move: 7, side: 'target', code: 'disk-full' })]);
  storage.hasRoom = true;
  participant.onOrder(prepare);
  expect(told.slice(1)).toEqual([{ type: 'move-answer', move: 7, side: 'target', answer: 'prepared' }]);
  participant.stop();
});
