/**
 * Carries out one move at a time, on the primary: what the coordinator's steps say is asked of the two shards, recorded,
 * announced or timed. Which move is next, and what its end means to the topology change, is for the rebalancer.
 */

import type { Clock, Timer } from '../ports/clock.ts';
import { failpoint } from '../ports/failpoint.ts';
import type { Log } from '../ports/log.ts';
import {
  type AbortReason,
  beginMove,
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorState,
  type CoordinatorStep,
  nextCoordinatorStep,
} from './coordinator.ts';
import type { Move, MoveCommand, Side } from './move.ts';
import { FreezeClock } from './move-progress.ts';
import type { Members, TopologyRecord } from './ports.ts';
import type { ChangeFigures } from './topology-change.ts';

/** Whoever begins moves. */
export interface MoveListener {
  /** Copying goes at this pace; 0 for as fast as possible. */
  rowsPerS(): number;
  onFrozen(durationMs: number): void;
  /** The slots are the target's. @returns what is recorded with it */
  onMoved(move: Move): ChangeFigures;
  /** The slots stay with the source. */
  onAborted(why: AbortReason): void;
  /** Another move may begin. */
  onEnded(phase: 'done' | 'aborted'): void;
}

export type MoveRunOptions = {
  readonly record: TopologyRecord;
  readonly members: Members;
  readonly clock: Clock;
  readonly log: Log;
};

export class MoveRun {
  readonly #options: MoveRunOptions;
  readonly #listener: MoveListener;
  readonly #freeze: FreezeClock;
  #state: CoordinatorState | undefined;
  #timer: Timer | undefined;
  /** The pace that the shards were told last. */
  #askedRowsPerS = 0;

  constructor(options: MoveRunOptions, listener: MoveListener) {
    this.#options = options;
    this.#listener = listener;
    this.#freeze = new FreezeClock(options.clock);
  }

  /** Of the move under way; undefined between two. */
  get phase(): CoordinatorState['phase'] | undefined {
    return this.#state?.phase;
  }

  /** None may be under way. */
  begin(move: Move): void {
    this.#take(beginMove(move));
  }

  /** Of another move, or of none, it changes nothing. */
  on(event: CoordinatorEvent): void {
    if (this.#state !== undefined) this.#take(nextCoordinatorStep(this.#state, event));
  }

  onDeath(shard: number): void {
    const move = this.#state?.move;
    if (move?.from === shard) this.on({ kind: 'lost', side: 'source' });
    if (move?.to === shard) this.on({ kind: 'lost', side: 'target' });
  }

  /** One slot may have most rows of a shard, and be copied for minutes: a pace is not only for the next move. */
  followPace(): void {
    if (this.#state?.phase !== 'copying' || this.#listener.rowsPerS() === this.#askedRowsPerS) return;
    // A side that copies already takes from it the new pace alone.
    this.#ask(this.#state.move, 'target', 'copy');
  }

  /** The move under way is left as it is. */
  stop(): void {
    this.#timer?.cancel();
  }

  #take({ state, effects }: CoordinatorStep): void {
    const before = this.#state;
    this.#state = state;
    if (before?.phase !== state.phase) {
      const { id, from, to } = state.move;
      this.#options.log.debug({ move: id, from, to, phase: state.phase }, `move ${id} is ${state.phase}`);
    }
    for (const effect of effects) {
      const step = effect.kind === 'ask' ? `ask-${effect.command}` : effect.kind;
      failpoint(`primary:${step}:before`);
      if (effect.kind !== 'commit') this.#carryOut(effect, state.move);
      else if (!didRecord(this.#options.record, (record) => record.commitMove(state.move))) {
        // It was rolled back: the move is where it was before, and goes no further.
        this.#state = before;
        const reason = 'the disk of the primary is full';
        return this.on({ kind: 'refused', move: state.move.id, by: 'target', code: 'disk-full', reason });
      }
    }
    if (state.phase === 'done' || state.phase === 'aborted') {
      this.#state = undefined;
      this.#listener.onEnded(state.phase);
    }
  }

  #carryOut(effect: Exclude<CoordinatorEffect, { kind: 'commit' }>, move: Move): void {
    const { record, members, clock, log } = this.#options;
    switch (effect.kind) {
      case 'ask':
        return this.#ask(move, effect.side, effect.command);
      case 'announce':
        members.announce();
        return this.#endFreeze();
      case 'record-done': {
        // How a move ended is also known from the ring: without room for it, the next start records it.
        const figures = this.#listener.onMoved(move);
        didRecord(record, () => record.finishMove(move.id, figures));
        return;
      }
      case 'record-aborted': {
        const { code, reason } = effect.why;
        didRecord(record, () => record.abortMove(move.id, reason));
        this.#endFreeze();
        log.warn({ move: move.id, code, reason }, `a batch of slots stays with shard ${move.from} for now: ${reason}`);
        return this.#listener.onAborted(effect.why);
      }
      case 'set-timer':
        this.#timer?.cancel();
        this.#timer = clock.after(effect.delayMs, () => this.on({ kind: 'overdue' }));
        return;
      case 'clear-timer':
        return this.#timer?.cancel();
    }
  }

  #endFreeze(): void {
    const durationMs = this.#freeze.end();
    // A repeated announcement has nothing to end.
    if (durationMs !== undefined) this.#listener.onFrozen(durationMs);
  }

  #ask(move: Move, side: Side, command: MoveCommand): void {
    const { members, record } = this.#options;
    if (command === 'freeze') this.#freeze.begin();
    this.#askedRowsPerS = this.#listener.rowsPerS();
    members.order(side === 'source' ? move.from : move.to, {
      command,
      move,
      epoch: record.ring.epoch,
      rowsPerS: this.#askedRowsPerS,
    });
  }
}

/** False without room for it: then nothing was recorded. */
export function didRecord(record: TopologyRecord, write: (record: TopologyRecord) => void): boolean {
  try {
    write(record);
    return true;
  } catch (error) {
    if (!record.isDiskFull(error)) throw error;
    return false;
  }
}
