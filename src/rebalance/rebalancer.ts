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
import { invariant } from '../ports/invariant.ts';
import type { Log } from '../ports/log.ts';
import { BatchSize } from './batch-size.ts';
import { weightsAfter } from './change-plan.ts';
import { ChangeRefused } from './change-refused.ts';
import type { ClientFigures } from './client-figures.ts';
import type { Move, MoveReport } from './move.ts';
import { MoveProgress, type ProgressView } from './move-progress.ts';
import { didRecord, type MoveListener, MoveRun } from './move-run.ts';
import { MoveTotals } from './move-totals.ts';
import type { Members, TopologyRecord } from './ports.ts';
import { Throttle, type ThrottleSetting } from './throttle.ts';
import type { ChangeRequest, TopologyChange } from './topology-change.ts';

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
type Running = { readonly id: number; readonly progress: MoveProgress };

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
  readonly #moves: MoveRun;
  #running: Running | undefined;
  #stepTimer: Timer | undefined;
  /** A shard that must serve before anything goes on. */
  #waitsFor: WaitsFor | undefined;
  #waitsSinceMs = 0;
  /** The change under way is paused, as of the last step. */
  #rests = false;
  /** Somebody wants no batch to be under way: told when none is. */
  #onBetweenBatches: (() => void) | undefined;
  /** Between `start` and `stop`. What is asked before is recorded, and begun then. */
  #isStarted = false;

  constructor(options: RebalancerOptions) {
    this.#options = options;
    this.#batchSize = options.batchSize ?? new BatchSize();
    this.#moves = new MoveRun(options, this.#moveListener());
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
    this.#moves.stop();
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
    this.#moves.on({ kind: 'abort', reason });
    this.#stepSoon(0);
    return true;
  }

  /** No further batch begins until `letBatchesBegin`; tells, once, when none is under way. */
  holdBatches(onBetweenBatches: () => void): void {
    this.#onBetweenBatches = onBetweenBatches;
    if (this.#moves.phase === undefined) onBetweenBatches();
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
        phase: isPaused ? 'paused' : this.#waitsFor !== undefined ? 'waiting' : (this.#moves.phase ?? 'planning'),
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
        return this.#moves.on({ kind: 'answered', move, by: report.side, answer: report.answer });
      case 'move-refusal':
        return this.#moves.on({ kind: 'refused', move, by: report.side, code: report.code, reason: report.reason });
      case 'move-progress':
        this.#running?.progress.copied(report.rows, report.bytes);
        this.totals.copied(report.rows, report.bytes);
        this.#moves.followPace();
        return this.#moves.on({ kind: 'progressed', move });
    }
  }

  /** A shard that was waited for may serve now. */
  onReady(): void {
    this.#stepSoon(0);
  }

  onDeath(shard: number): void {
    this.#moves.onDeath(shard);
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
    if (this.#moves.phase !== undefined || this.#onBetweenBatches !== undefined) return;
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
      this.#running = { id: change.id, progress };
    }
    for (const id of change.weights.keys()) members.addShard(id);

    const [planned] = this.#planOf(change);
    if (planned === undefined) return this.#end(change, this.#running.progress);
    const away = [planned.from, planned.to].find((id) => members.member(id)?.state !== 'ready');
    if (this.#waitsFor?.shard !== away) this.#waitsSinceMs = clock.nowMs();
    this.#waitsFor =
      away === undefined ? undefined : { shard: away, hasFailed: members.member(away)?.state === 'failed' };
    if (away !== undefined) return this.#waitFor(change, away, planned);
    this.#moves.begin(record.openMove(change.id, this.#batchOf(planned)));
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
      members.member(shard)?.state === 'failed' || clock.nowMs() - this.#waitsSinceMs > targetStartDeadlineMs;
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

  /** What a move means to the change that it is part of. */
  #moveListener(): MoveListener {
    return {
      rowsPerS: () => this.#throttle.rowsPerS,
      onFrozen: (durationMs) => {
        this.#running?.progress.froze(durationMs);
        this.totals.froze(durationMs);
        this.#batchSize.froze(durationMs);
      },
      onMoved: ({ slots }) => {
        const { progress } = this.#running as Running;
        progress.moved(slots.length);
        this.totals.moved(slots.length);
        return progress.takeFigures();
      },
      onAborted: ({ code, reason }) => {
        this.#running?.progress.discarded();
        if (code === 'disk-full') didRecord(this.#options.record, () => this.#undo(reason));
      },
      onEnded: (phase) => {
        this.#onBetweenBatches?.();
        this.#stepSoon(phase === 'done' ? 0 : retryDelayMs);
      },
    };
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
}
