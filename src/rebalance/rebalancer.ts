/**
 * Carries out topology changes, one after the other: plans against the ring as it is, moves batch after batch, and
 * begins a batch anew when it was aborted. After a restart the plan is made again from what is recorded, so nothing but
 * the change itself is remembered. It decides; clock, record and members are ports, so that a simulator can drive it.
 *
 *   queued ─begin─▶ running ─nothing left to move─▶ (processes that own nothing end) ─▶ done
 *     │                │ abort, no room, a target that does not start
 *     │ impossible     ▼
 *     └──▶ aborted ◀── undoing: every slot goes back to the shard that had it
 *
 * A paused change keeps its place: nothing else begins before it goes on or is aborted.
 */

import { type PlannedMove, planOf, planTo } from '../partition/plan.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import { failpoint } from '../ports/failpoint.ts';
import { invariant } from '../ports/invariant.ts';
import type { Log } from '../ports/log.ts';
import { BatchSize } from './batch-size.ts';
import { weightsAfter } from './change-plan.ts';
import { ChangeRefused } from './change-refused.ts';
import type { ClientFigures } from './client-figures.ts';
import {
  beginMove,
  type CoordinatorEvent,
  type CoordinatorState,
  type CoordinatorStep,
  nextCoordinatorStep,
} from './coordinator.ts';
import type { Move, MoveCommand, MoveReport, Side } from './move.ts';
import { FreezeClock, MoveProgress, type ProgressView } from './move-progress.ts';
import { MoveTotals } from './move-totals.ts';
import type { Members, TopologyRecord } from './ports.ts';
import { Throttle, type ThrottleSetting } from './throttle.ts';
import type { ChangeFigures, ChangeRequest, TopologyChange } from './topology-change.ts';

const retryDelayMs = 100;
const fullDiskDelayMs = 1_000;
/** A target that does not become ready in this time will not. */
const targetStartDeadlineMs = 20_000;

export type RebalancerOptions = {
  readonly record: TopologyRecord;
  readonly members: Members;
  readonly clients: ClientFigures;
  readonly clock: Clock;
  readonly log: Log;
  readonly batchSize?: BatchSize;
};

/** What this process knows of the change under way; the rest is recorded. */
type Running = { readonly id: number; readonly progress: MoveProgress; readonly beganAtMs: number };

export type RebalanceStatus = {
  readonly running: RunningChange | undefined;
  readonly open: readonly Pick<TopologyChange, 'id' | 'kind' | 'state' | 'isPaused' | 'reason'>[];
};

/** What a change that is under way may be doing. */
export const changePhases = [
  'paused',
  'waiting',
  'planning',
  'preparing',
  'tracking',
  'copying',
  'freezing',
  'verifying',
  'releasing',
  'aborting',
  'done',
  'aborted',
] as const;

export type RunningChange = ProgressView & {
  readonly id: number;
  readonly phase: (typeof changePhases)[number];
  readonly waitsFor: WaitsFor | null;
};

type WaitsFor = { readonly shard: number; readonly hasFailed: boolean };

export class Rebalancer {
  readonly totals = new MoveTotals();
  readonly #options: RebalancerOptions;
  readonly #throttle: Throttle;
  readonly #batchSize: BatchSize;
  readonly #freeze: FreezeClock;
  #running: Running | undefined;
  #move: CoordinatorState | undefined;
  #moveTimer: Timer | undefined;
  #stepTimer: Timer | undefined;
  /** The pace that the shards were told last. */
  #askedRowsPerS = 0;
  /** A shard that must serve before anything goes on. */
  #waitsFor: WaitsFor | undefined;
  /** The change under way is paused, as of the last step. */
  #rests = false;
  /** Somebody wants no batch to be under way: told when none is. */
  #onBetweenBatches: (() => void) | undefined;
  /** Between `start` and `stop`. What is asked before is recorded, and begun then. */
  #isStarted = false;

  constructor(options: RebalancerOptions) {
    this.#options = options;
    this.#batchSize = options.batchSize ?? new BatchSize();
    this.#freeze = new FreezeClock(options.clock);
    this.#throttle = new Throttle(options.clients, options.clock, () => this.#running !== undefined && !this.#rests);
  }

  /** Takes up what was not finished before. */
  start(): void {
    this.#isStarted = true;
    this.#throttle.start();
    this.#stepSoon(0);
  }

  /** The move under way ends with its shards; the next start aborts or finishes it. */
  stop(): void {
    this.#isStarted = false;
    this.#throttle.stop();
    this.#moveTimer?.cancel();
    this.#stepTimer?.cancel();
  }

  /** Queues behind whatever is under way. */
  request(request: ChangeRequest): TopologyChange {
    const { record, clock } = this.#options;
    const change = record.addChange(request, clock.dateMs());
    this.#stepSoon(0);
    return change;
  }

  /** The batch under way ends, and no other begins. False when there is no change to pause. */
  pause(): boolean {
    return this.#setPaused(true);
  }

  /** False when no change is paused. */
  resume(): boolean {
    return this.#setPaused(false);
  }

  /**
   * Undoes the change under way, paused or not: what has moved moves back. False when there is none, when it is being
   * undone already, or when nothing of it is left to be undone.
   */
  abort(reason: string): boolean {
    const { record, clock } = this.#options;
    const [change] = record.openChanges();
    if (change === undefined) return false;
    // This order replaces an earlier one to pause.
    if (change.state === 'undoing') return change.isPaused && this.resume();
    if (change.state === 'queued') {
      record.refuseChange(change.id, reason, clock.dateMs());
      this.#logChange('is withdrawn', record.change(change.id));
    }
    // Its last slots have moved: what is left is to end the processes that own nothing any more.
    else if (this.#planOf(change).length === 0) return false;
    else this.#undoChange(change.id, reason, false);
    this.#on({ kind: 'abort', reason });
    this.#stepSoon(0);
    return true;
  }

  /** No further batch begins until `letBatchesBegin`; tells, once, when none is under way. */
  holdBatches(onBetweenBatches: () => void): void {
    this.#onBetweenBatches = onBetweenBatches;
    if (this.#move === undefined) onBetweenBatches();
  }

  /** Idempotent. */
  letBatchesBegin(): void {
    this.#onBetweenBatches = undefined;
    this.#stepSoon(0);
  }

  setThrottle(setting: ThrottleSetting): void {
    this.#throttle.set(setting);
  }

  status(): RebalanceStatus {
    const open = this.#options.record.openChanges();
    const isPaused = open[0]?.isPaused === true;
    return {
      running: this.#running && {
        id: this.#running.id,
        phase: isPaused ? 'paused' : this.#waitsFor !== undefined ? 'waiting' : (this.#move?.phase ?? 'planning'),
        waitsFor: this.#waitsFor ?? null,
        ...this.#running.progress.describe(),
      },
      open: open.map(({ id, kind, state, isPaused, reason }) => ({ id, kind, state, isPaused, reason })),
    };
  }

  onReport(report: MoveReport): void {
    const { move } = report;
    switch (report.type) {
      case 'move-answer':
        return this.#on({ kind: 'answered', move, by: report.side, answer: report.answer });
      case 'move-refusal':
        return this.#on({ kind: 'refused', move, by: report.side, code: report.code, reason: report.reason });
      case 'move-progress':
        this.#running?.progress.copied(report.rows, report.bytes);
        this.totals.copied(report.rows, report.bytes);
        this.#followPace();
        return this.#on({ kind: 'progressed', move });
    }
  }

  /** A shard that was waited for may serve now. */
  onReady(): void {
    this.#stepSoon(0);
  }

  onDeath(shard: number): void {
    const move = this.#move?.move;
    if (move?.from === shard) this.#on({ kind: 'lost', side: 'source' });
    if (move?.to === shard) this.#on({ kind: 'lost', side: 'target' });
  }

  /** The process of a shard that was to end has ended, and its file is gone. */
  onRemoved(): void {
    this.#stepSoon(0);
  }

  #setPaused(isPaused: boolean): boolean {
    const { record } = this.#options;
    const [change] = record.openChanges();
    if (change === undefined || (!isPaused && !change.isPaused)) return false;
    record.pauseChange(change.id, isPaused);
    if (change.isPaused !== isPaused) this.#logChange(isPaused ? 'is paused' : 'goes on', change);
    this.#stepSoon(0);
    return true;
  }

  #stepSoon(delayMs: number): void {
    if (!this.#isStarted) return;
    this.#stepTimer?.cancel();
    this.#stepTimer = this.#options.clock.after(delayMs, () => {
      try {
        this.#step();
      } catch (error) {
        this.#onFullDisk(error);
      }
    });
  }

  /** Begins what is next, when nothing is under way. */
  #step(): void {
    if (this.#move !== undefined || this.#onBetweenBatches !== undefined) return;
    const { record, members, clients, clock } = this.#options;
    const [change] = record.openChanges();
    this.#rests = change?.isPaused === true;
    if (this.#rests) this.#running?.progress.rest();
    if (change === undefined || this.#rests) return;
    this.#running?.progress.goOn();
    if (change.state === 'queued') {
      this.#begin(change);
      return this.#stepSoon(0);
    }
    if (this.#running?.id !== change.id) {
      const progress = new MoveProgress(this.#planOf(change), clients, clock);
      this.#running = { id: change.id, progress, beganAtMs: clock.nowMs() };
    }
    for (const id of change.weights.keys()) members.addShard(id);

    const [planned] = this.#planOf(change);
    if (planned === undefined) return this.#end(change, this.#running.progress);
    const away = [planned.from, planned.to].find((id) => members.member(id)?.state !== 'ready');
    this.#waitsFor =
      away === undefined ? undefined : { shard: away, hasFailed: members.member(away)?.state === 'failed' };
    if (away !== undefined) return this.#waitFor(change, away, planned);
    this.#take(beginMove(record.openMove(change.id, this.#batchOf(planned))));
  }

  #planOf({ state, weights, ringBefore }: TopologyChange): readonly PlannedMove[] {
    const { ring } = this.#options.record;
    return state === 'undoing' && ringBefore !== null ? planTo(ring, ringBefore) : planOf(ring, weights);
  }

  /** What was asked may have become impossible while it was queued. */
  #begin({ id, request }: TopologyChange): void {
    const { record, clock } = this.#options;
    try {
      const weights = weightsAfter(request, record.weights(), record.nextShardId());
      record.beginChange(id, weights, clock.dateMs());
      this.#logChange('begins', record.change(id));
    } catch (error) {
      if (!(error instanceof ChangeRefused)) throw error;
      record.refuseChange(id, error.message, clock.dateMs());
      this.#logChange('is refused', record.change(id));
    }
  }

  #logChange(what: string, { id, kind, state, reason }: TopologyChange): void {
    const why = reason === '' ? '' : `: ${reason}`;
    this.#options.log.info({ change: id, kind, state, reason }, `change ${id} (${kind}) ${what}${why}`);
  }

  /** Without room nothing can be recorded, so nothing is begun: the service stays as it is, and this is tried again. */
  #onFullDisk(error: unknown): void {
    const { record, log } = this.#options;
    if (!record.isDiskFull(error)) throw error;
    log.error({}, 'the disk has no room to record a move: trying again');
    this.#stepSoon(fullDiskDelayMs);
  }

  /** One of the two shards is away. */
  #waitFor(change: TopologyChange, shard: number, planned: PlannedMove): void {
    const { members, clock } = this.#options;
    const isHopeless =
      members.member(shard)?.state === 'failed' ||
      clock.nowMs() - (this.#running?.beganAtMs ?? 0) > targetStartDeadlineMs;
    if (shard === planned.to && change.state === 'running' && isHopeless && this.#running?.progress.slotsMoved === 0) {
      this.abort(`shard ${shard} does not start`);
    }
    this.#stepSoon(retryDelayMs);
  }

  /** As many slots as make up a batch, at the rows that this shard has per slot. */
  #batchOf({ from, to, slots }: PlannedMove): Omit<Move, 'id'> {
    const { members, record } = this.#options;
    const { keys, bytes } = members.member(from)?.held ?? {};
    const count = this.#batchSize.slotsOf({
      isIdle: this.#throttle.rowsPerS === 0,
      slots: record.ring.slotsOf(from).length,
      keys: keys ?? 0,
      bytes: bytes ?? 0,
    });
    return { from, to, slots: slots.slice(0, count) };
  }

  /**
   * Nothing is left to move. Processes and files of shards that own nothing go first: after a crash in between, the
   * change is taken up again and finds nothing to move. It comes here again when they are gone.
   */
  #end(change: TopologyChange, progress: MoveProgress): void {
    const { record, members, clock } = this.#options;
    const leaving = members.members().filter(({ id }) => !change.weights.has(id));
    for (const { id } of leaving) {
      invariant(!record.ring.shards().includes(id), `shard ${id} is to end, and owns slots`);
      members.removeShard(id);
    }
    if (leaving.length > 0) return;
    const state = change.state === 'undoing' ? 'aborted' : 'done';
    record.endChange(change.id, state, clock.dateMs(), progress.takeFigures());
    this.#running = undefined;
    this.#logChange(`is ${state}`, record.change(change.id));
    this.#stepSoon(0);
  }

  #on(event: CoordinatorEvent): void {
    if (this.#move === undefined) return;
    this.#take(nextCoordinatorStep(this.#move, event));
  }

  #take({ state, effects }: CoordinatorStep): void {
    const { record, members, clock, log } = this.#options;
    const before = this.#move;
    this.#move = state;
    if (before?.phase !== state.phase) {
      const { id, from, to } = state.move;
      log.debug({ move: id, from, to, phase: state.phase }, `move ${id} is ${state.phase}`);
    }
    for (const effect of effects) {
      const step = effect.kind === 'ask' ? `ask-${effect.command}` : effect.kind;
      failpoint(`primary:${step}:before`);
      switch (effect.kind) {
        case 'ask':
          this.#ask(state.move, effect.side, effect.command);
          break;
        case 'commit':
          try {
            record.commitMove(state.move);
          } catch (error) {
            if (!record.isDiskFull(error)) throw error;
            // It was rolled back: the move is where it was before, and goes no further.
            this.#move = before;
            const reason = 'the disk of the primary is full';
            return this.#on({ kind: 'refused', move: state.move.id, by: 'target', code: 'disk-full', reason });
          }
          break;
        case 'announce':
          members.announce();
          this.#noteFreeze(this.#freeze.end());
          break;
        case 'record-done':
          this.#record(() => record.finishMove(state.move.id, this.#movedFigures(state.move)));
          break;
        case 'record-aborted': {
          const { code, reason } = effect.why;
          this.#record(() => record.abortMove(state.move.id, reason));
          this.#running?.progress.discarded();
          this.#noteFreeze(this.#freeze.end());
          log.warn(
            { move: state.move.id, code, reason },
            `a batch of slots stays with shard ${state.move.from} for now: ${reason}`,
          );
          if (code === 'disk-full') this.#record(() => this.#undo(reason));
          break;
        }
        case 'set-timer':
          this.#moveTimer?.cancel();
          this.#moveTimer = clock.after(effect.delayMs, () => this.#on({ kind: 'overdue' }));
          break;
        case 'clear-timer':
          this.#moveTimer?.cancel();
          break;
      }
    }
    if (state.phase === 'done' || state.phase === 'aborted') {
      this.#move = undefined;
      this.#onBetweenBatches?.();
      this.#stepSoon(state.phase === 'done' ? 0 : retryDelayMs);
    }
  }

  /** How a move ended is also known from the ring: without room for it, the next start records it. */
  #record(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!this.#options.record.isDiskFull(error)) throw error;
    }
  }

  #noteFreeze(durationMs: number | undefined): void {
    // A repeated announcement has nothing to end.
    if (durationMs === undefined) return;
    this.#running?.progress.froze(durationMs);
    this.totals.froze(durationMs);
    this.#batchSize.froze(durationMs);
  }

  #movedFigures(move: Move): ChangeFigures {
    const { progress } = this.#running as Running;
    progress.moved(move.slots.length);
    this.totals.moved(move.slots.length);
    return progress.takeFigures();
  }

  #undo(reason: string): void {
    const { record } = this.#options;
    const id = this.#running?.id;
    const change = id === undefined ? undefined : record.change(id);
    // Whoever paused it is not overruled: what has moved moves back once it goes on.
    if (change?.state === 'running') this.#undoChange(change.id, reason, change.isPaused);
  }

  #undoChange(id: number, reason: string, isPaused: boolean): void {
    const { record } = this.#options;
    record.undoChange(id, reason, isPaused);
    this.#logChange('is being undone', record.change(id));
  }

  /** One slot may have most rows of a shard, and be copied for minutes: a pace is not only for the next move. */
  #followPace(): void {
    if (this.#move?.phase !== 'copying' || this.#throttle.rowsPerS === this.#askedRowsPerS) return;
    // A side that copies already takes from it the new pace alone.
    this.#ask(this.#move.move, 'target', 'copy');
  }

  #ask(move: Move, side: Side, command: MoveCommand): void {
    const { members, record } = this.#options;
    if (command === 'freeze') this.#freeze.begin();
    this.#askedRowsPerS = this.#throttle.rowsPerS;
    members.order(side === 'source' ? move.from : move.to, {
      command,
      move,
      epoch: record.ring.epoch,
      rowsPerS: this.#askedRowsPerS,
    });
  }
}
