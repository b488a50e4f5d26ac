/**
 * The primary: the product's coordinator, and around it a mirror of `primary/mover.ts` and `primary/topology-file.ts`.
 * What lies in `DurableTopology` survives everything; each of its methods is one transaction.
 */

import {
  beginMove,
  type CoordinatorEvent,
  type CoordinatorState,
  type CoordinatorStep,
  nextCoordinatorStep,
  type Side,
} from '../../src/rebalance/coordinator.ts';
import type { Move, MoveCommand, MoveId } from '../../src/rebalance/move.ts';
import type { Report, World } from './processes.ts';
import type { Life, Timer } from './scheduler.ts';
import { nextBatch, ringAfterMove, type SimulatedRing } from './simulated-ring.ts';
import { SimulatedSupervisor } from './simulated-supervisor.ts';

const retryDelayMs = 100;

type Change = { readonly wanted: readonly number[]; readonly before: readonly number[]; readonly isUndone: boolean };

/** `meta.sqlite`. */
export class DurableTopology {
  ring: SimulatedRing;
  /** In the order in which they were asked for; the first one is under way. */
  readonly changes: Change[] = [];
  #moves = 0;
  openMove: { readonly move: Move; readonly state: 'open' | 'committed' } | undefined;

  constructor(ring: SimulatedRing) {
    this.ring = ring;
  }

  addChange(wanted: readonly number[]): void {
    this.changes.push({ wanted, before: this.changes.at(-1)?.wanted ?? this.ring.owners, isUndone: false });
  }

  undoChange(): void {
    const [change] = this.changes;
    if (change !== undefined) this.changes[0] = { wanted: change.before, before: change.before, isUndone: true };
  }

  beginMove(move: Omit<Move, 'id'>): Move {
    const begun = { id: ++this.#moves, ...move };
    this.openMove = { move: begun, state: 'open' };
    return begun;
  }

  commitMove(move: Move): void {
    this.ring = ringAfterMove(this.ring, move);
    this.openMove = { move, state: 'committed' };
  }

  endMove(id: MoveId): void {
    if (this.openMove?.move.id === id) this.openMove = undefined;
  }

  /** Open ones were never, committed ones are done: every shard is born after this. */
  recover(): void {
    this.openMove = undefined;
  }
}

export class SimulatedPrimary {
  readonly life: Life;
  readonly supervisor: SimulatedSupervisor;
  readonly #world: World;
  readonly #topology: DurableTopology;
  #move: CoordinatorState | undefined;
  #moveTimer: Timer | undefined;
  #stepTimer: Timer | undefined;

  constructor(world: World, life: Life, topology: DurableTopology) {
    this.#world = world;
    this.life = life;
    this.#topology = topology;
    this.supervisor = new SimulatedSupervisor(world, life, () => topology.ring, {
      onDeath: (shard) => this.#onDeath(shard),
      onReport: (report) => this.#onReport(report),
    });
  }

  start(): void {
    this.#transaction(() => this.#topology.recover());
    this.supervisor.start();
    this.#stepSoon(0);
  }

  get moveUnderWay(): CoordinatorState | undefined {
    return this.#move;
  }

  request(wanted: readonly number[]): void {
    this.#world.trace.note(this.life, () => `is asked for the owners ${wanted.join(' ')}`);
    this.#transaction(() => this.#topology.addChange(wanted));
    this.#stepSoon(0);
  }

  /** An operator undoes the change that is running. */
  abort(): void {
    const [change] = this.#topology.changes;
    if (change === undefined || change.isUndone) return;
    this.#world.trace.note(this.life, () => 'is asked to abort');
    this.#transaction(() => this.#topology.undoChange());
    this.#on({ kind: 'abort', reason: 'an operator aborted it' });
    this.#stepSoon(0);
  }

  #onReport(report: Report): void {
    switch (report.type) {
      case 'answer':
        return this.#on({ kind: 'answered', move: report.move, by: report.side, answer: report.answer });
      case 'refusal':
        return this.#on({ kind: 'refused', move: report.move, by: report.side, reason: report.reason });
      case 'progress':
        return this.#on({ kind: 'progressed', move: report.move });
      case 'ready':
        return;
    }
  }

  #onDeath(shard: number): void {
    const move = this.#move?.move;
    if (move?.from === shard) this.#on({ kind: 'lost', side: 'source' });
    if (move?.to === shard) this.#on({ kind: 'lost', side: 'target' });
  }

  #stepSoon(delayMs: number): void {
    this.#stepTimer?.cancel();
    this.#stepTimer = this.#world.scheduler.after(this.life, delayMs, () => this.#step());
  }

  #step(): void {
    if (this.#move !== undefined) return;
    const [change] = this.#topology.changes;
    if (change === undefined) return;
    const batch = nextBatch(this.#topology.ring, change.wanted, this.#world.circumstances.batchSlots);
    if (batch === undefined) {
      this.#transaction(() => this.#topology.changes.shift());
      return this.#stepSoon(0);
    }
    const isAway = [batch.from, batch.to].some((id) => this.supervisor.stateOf(id) !== 'ready');
    if (isAway) return this.#stepSoon(retryDelayMs);
    this.#take(beginMove(this.#transaction(() => this.#topology.beginMove(batch))));
  }

  #on(event: CoordinatorEvent): void {
    if (this.#move === undefined) return;
    this.#take(nextCoordinatorStep(this.#move, event));
  }

  #take({ state, effects }: CoordinatorStep): void {
    const { trace, coverage, scheduler } = this.#world;
    if (state.phase !== this.#move?.phase) {
      trace.note(this.life, () => `move ${state.move.id} is ${state.phase}`);
      coverage.phase(state.phase);
    }
    this.#move = state;
    for (const effect of effects) {
      this.#world.crashPoint();
      switch (effect.kind) {
        case 'ask':
          this.#ask(state.move, effect.side, effect.command);
          break;
        case 'commit':
          this.#transaction(() => {
            this.#world.invariants.onCommit(state.move);
            this.#topology.commitMove(state.move);
          });
          break;
        case 'announce':
          this.supervisor.announce();
          break;
        case 'record-done':
          this.#transaction(() => this.#topology.endMove(state.move.id));
          break;
        case 'record-aborted':
          this.#transaction(() => this.#topology.endMove(state.move.id));
          if (!/disk .* is full/.test(effect.reason)) break;
          coverage.diskAborts++;
          this.#transaction(() => this.#undo());
          break;
        case 'set-timer':
          this.#moveTimer?.cancel();
          this.#moveTimer = scheduler.after(this.life, effect.delayMs, () => this.#on({ kind: 'overdue' }));
          break;
        case 'clear-timer':
          this.#moveTimer?.cancel();
          break;
      }
    }
    if (state.phase !== 'done' && state.phase !== 'aborted') return;
    this.#move = undefined;
    this.#stepSoon(state.phase === 'done' ? 0 : retryDelayMs);
  }

  #undo(): void {
    if (this.#topology.changes[0]?.isUndone === false) this.#topology.undoChange();
  }

  #ask(move: Move, side: Side, command: MoveCommand): void {
    this.supervisor.send(side === 'source' ? move.from : move.to, {
      type: 'move',
      command,
      move,
      epoch: this.#topology.ring.epoch,
      source: this.supervisor.shard(move.from),
    });
  }

  #transaction<T>(work: () => T): T {
    this.#world.crashPoint();
    const result = work();
    this.#world.crashPoint();
    return result;
  }
}
