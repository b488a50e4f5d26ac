/**
 * Carries out topology changes, one after the other: plans against the ring as it is, moves batch after batch, and
 * begins a batch anew when it was aborted. It puts clocks, disk and processes around the coordinator of `moves/`;
 * after a restart the plan is made again from what is recorded, so nothing but the change itself is remembered.
 */

import type { DataDirectory } from '../config/data-directory.ts';
import { type PlannedMove, planOf } from '../partition/plan.ts';
import type { TopologyFile } from '../primary/topology-file.ts';
import { isDiskFull } from '../sqlite/database.ts';
import { failpoint } from '../supervision/failpoint.ts';
import type { Log } from '../supervision/log.ts';
import type { MoveReport } from '../supervision/messages.ts';
import type { SupervisedChild } from '../supervision/supervised-child.ts';
import type { Supervisor } from '../supervision/supervisor.ts';
import { BatchSize } from './batch-size.ts';
import { weightsAfter } from './change-plan.ts';
import { ChangeRefused } from './change-refused.ts';
import { ClientFigures } from './client-figures.ts';
import {
  beginMove,
  type CoordinatorEvent,
  type CoordinatorState,
  type CoordinatorStep,
  nextCoordinatorStep,
  type Side,
} from './coordinator.ts';
import type { Move, MoveCommand } from './move.ts';
import { FreezeClock, MoveProgress, type ProgressView } from './move-progress.ts';
import { Throttle, type ThrottleSetting } from './throttle.ts';
import type { ChangeFigures, ChangeRequest, TopologyChange } from './topology-change.ts';

const retryDelayMs = 100;
const fullDiskDelayMs = 1_000;
/** A target that does not become ready in this time will not. */
const targetStartDeadlineMs = 20_000;

export type RebalancerOptions = {
  readonly topologyFile: TopologyFile;
  readonly supervisor: Supervisor;
  readonly directory: DataDirectory;
  readonly log: Log;
};

type Running = { readonly change: TopologyChange; readonly progress: MoveProgress; readonly beganAtMs: number };

export type RebalanceStatus = {
  readonly running: RunningChange | undefined;
  readonly open: readonly Pick<TopologyChange, 'id' | 'kind' | 'state' | 'reason'>[];
};

export type RunningChange = ProgressView & {
  readonly id: number;
  readonly phase: string;
  readonly waitsFor: WaitsFor | null;
};

type WaitsFor = { readonly shard: number; readonly hasFailed: boolean };

export class Rebalancer {
  readonly #options: RebalancerOptions;
  readonly clients: ClientFigures;
  readonly #throttle: Throttle;
  #running: Running | undefined;
  #move: CoordinatorState | undefined;
  #moveTimer: NodeJS.Timeout | undefined;
  #stepTimer: NodeJS.Timeout | undefined;
  #freeze = new FreezeClock();
  readonly #batchSize = new BatchSize();
  /** A shard that must serve before anything goes on. */
  #waitsFor: WaitsFor | undefined;
  #isPaused = false;
  #isStopped = false;

  constructor(options: RebalancerOptions) {
    this.#options = options;
    this.clients = new ClientFigures(options.supervisor);
    this.#throttle = new Throttle(this.clients, () => this.#running !== undefined && !this.#isPaused);
  }

  /** Takes up what was not finished before. */
  start(): void {
    this.#throttle.start();
    this.#stepSoon(0);
  }

  /** The move under way ends with its shards; the next start aborts or finishes it. */
  stop(): void {
    this.#isStopped = true;
    this.#throttle.stop();
    clearTimeout(this.#moveTimer);
    clearTimeout(this.#stepTimer);
  }

  /** Queues behind whatever is under way. */
  request(request: ChangeRequest): TopologyChange {
    const change = this.#options.topologyFile.addChange(request, Date.now());
    this.#stepSoon(0);
    return change;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#stepSoon(0);
  }

  /** Undoes the change that is running: what has moved moves back. False when there is none. */
  abort(reason: string): boolean {
    const { topologyFile } = this.#options;
    if (this.#running === undefined || topologyFile.change(this.#running.change.id).state !== 'running') return false;
    topologyFile.undoChange(this.#running.change.id, reason);
    this.#on({ kind: 'abort', reason });
    this.#isPaused = false;
    this.#stepSoon(0);
    return true;
  }

  setThrottle(setting: ThrottleSetting): void {
    this.#throttle.set(setting);
  }

  status(): RebalanceStatus {
    const open = this.#options.topologyFile.openChanges();
    return {
      running: this.#running && {
        id: this.#running.change.id,
        phase: this.#isPaused ? 'paused' : this.#waitsFor !== undefined ? 'waiting' : (this.#move?.phase ?? 'planning'),
        waitsFor: this.#waitsFor ?? null,
        ...this.#running.progress.describe(),
      },
      open: open.map(({ id, kind, state, reason }) => ({ id, kind, state, reason })),
    };
  }

  onReport(report: MoveReport): void {
    switch (report.type) {
      case 'move-answer':
        return this.#on({ kind: 'answered', move: report.move, by: report.side, answer: report.answer });
      case 'move-refusal':
        return this.#on({ kind: 'refused', move: report.move, by: report.side, reason: report.reason });
      case 'move-progress':
        this.#running?.progress.copied(report.rows, report.bytes);
        return this.#on({ kind: 'progressed', move: report.move });
    }
  }

  /** A shard that was waited for may serve now. */
  onReady(): void {
    this.#stepSoon(0);
  }

  onDeath(child: SupervisedChild): void {
    const move = this.#move?.move;
    if (move?.from === child.spec.shard) this.#on({ kind: 'lost', side: 'source' });
    if (move?.to === child.spec.shard) this.#on({ kind: 'lost', side: 'target' });
  }

  #stepSoon(delayMs: number): void {
    clearTimeout(this.#stepTimer);
    this.#stepTimer = setTimeout(() => {
      this.#step().catch((error: unknown) => this.#onFullDisk(error));
    }, delayMs);
  }

  /** Begins what is next, when nothing is under way. */
  async #step(): Promise<void> {
    if (this.#isStopped || this.#isPaused || this.#move !== undefined) return;
    const { topologyFile, supervisor } = this.#options;
    const [change] = topologyFile.openChanges();
    if (change === undefined) return;
    if (change.state === 'queued') {
      this.#begin(change);
      return this.#stepSoon(0);
    }
    if (this.#running?.change.id !== change.id) {
      this.#running = {
        change,
        progress: new MoveProgress(planOf(topologyFile.ring, change.weights), this.clients),
        beganAtMs: performance.now(),
      };
    }
    for (const id of change.weights.keys()) supervisor.addShard(id);

    const [planned] = planOf(topologyFile.ring, change.weights);
    if (planned === undefined) return this.#finish(change);
    const away = [planned.from, planned.to].find((id) => supervisor.shard(id)?.state !== 'ready');
    this.#waitsFor =
      away === undefined ? undefined : { shard: away, hasFailed: supervisor.shard(away)?.state === 'failed' };
    if (away !== undefined) return this.#waitFor(change, away, planned);
    this.#take(beginMove(topologyFile.openMove(change.id, this.#batchOf(planned))));
  }

  /** What was asked may have become impossible while it was queued. */
  #begin({ id, request }: TopologyChange): void {
    const { topologyFile } = this.#options;
    try {
      const weights = weightsAfter(request, topologyFile.weights(), topologyFile.nextShardId());
      topologyFile.beginChange(id, weights, Date.now());
    } catch (error) {
      if (!(error instanceof ChangeRefused)) throw error;
      topologyFile.refuseChange(id, error.message, Date.now());
    }
  }

  /** Without room nothing can be recorded, so nothing is begun: the service stays as it is, and this is tried again. */
  #onFullDisk(error: unknown): void {
    if (!isDiskFull(error)) throw error;
    this.#options.log.error('there is no room on the disk to record what moves: trying again');
    this.#stepSoon(fullDiskDelayMs);
  }

  /** One of the two shards is away. */
  #waitFor(change: TopologyChange, shard: number, planned: PlannedMove): void {
    const isHopeless =
      this.#options.supervisor.shard(shard)?.state === 'failed' ||
      performance.now() - (this.#running?.beganAtMs ?? 0) > targetStartDeadlineMs;
    if (shard === planned.to && change.state === 'running' && isHopeless && this.#running?.progress.slotsMoved === 0) {
      this.abort(`shard ${shard} does not start`);
    }
    this.#stepSoon(retryDelayMs);
  }

  /** As many slots as make up a batch, at the rows that this shard has per slot. */
  #batchOf({ from, to, slots }: PlannedMove): Omit<Move, 'id'> {
    const { supervisor, topologyFile } = this.#options;
    const { keys, bytes } = supervisor.shard(from)?.health ?? {};
    const count = this.#batchSize.slotsOf({
      isIdle: this.#throttle.rowsPerS === 0,
      slots: topologyFile.ring.slotsOf(from).length,
      keys: keys ?? 0,
      bytes: bytes ?? 0,
    });
    return { from, to, slots: slots.slice(0, count) };
  }

  async #finish(change: TopologyChange): Promise<void> {
    const { topologyFile, supervisor, directory, log } = this.#options;
    // Processes and files first: after a crash in between, the change is taken up again and finds nothing to move.
    for (const child of supervisor.shards) {
      const id = child.spec.shard as number;
      if (change.weights.has(id)) continue;
      await supervisor.removeShard(id);
      directory.removeShardFile(id);
    }
    const state = change.state === 'undoing' ? 'aborted' : 'done';
    topologyFile.endChange(change.id, state, Date.now(), (this.#running as Running).progress.takeFigures());
    this.#running = undefined;
    log.info({ change: change.id, kind: change.kind, state }, `${change.kind} is over`);
    this.#stepSoon(0);
  }

  #on(event: CoordinatorEvent): void {
    if (this.#move === undefined) return;
    this.#take(nextCoordinatorStep(this.#move, event));
  }

  #take({ state, effects }: CoordinatorStep): void {
    const { topologyFile, supervisor, log } = this.#options;
    const before = this.#move;
    this.#move = state;
    for (const effect of effects) {
      const step = effect.kind === 'ask' ? `ask-${effect.command}` : effect.kind;
      failpoint(`primary:${step}:before`);
      switch (effect.kind) {
        case 'ask':
          this.#ask(state.move, effect.side, effect.command);
          break;
        case 'commit':
          try {
            topologyFile.commitMove(state.move);
          } catch (error) {
            if (!isDiskFull(error)) throw error;
            // It was rolled back: the move is where it was before, and goes no further.
            this.#move = before;
            return this.#on({
              kind: 'refused',
              move: state.move.id,
              by: 'target',
              reason: 'the disk of the primary is full',
            });
          }
          break;
        case 'announce':
          supervisor.announce();
          this.#noteFreeze(this.#freeze.end());
          break;
        case 'record-done':
          this.#record(() => topologyFile.finishMove(state.move.id, this.#movedFigures(state.move)));
          break;
        case 'record-aborted':
          this.#record(() => topologyFile.abortMove(state.move.id, effect.reason));
          this.#running?.progress.discarded();
          this.#noteFreeze(this.#freeze.end());
          log.warn(
            { move: state.move.id, reason: effect.reason },
            `a batch of slots stays with shard ${state.move.from} for now: ${effect.reason}`,
          );
          if (/disk .* is full/.test(effect.reason)) this.#record(() => this.#undo(effect.reason));
          break;
        case 'set-timer':
          clearTimeout(this.#moveTimer);
          this.#moveTimer = setTimeout(() => this.#on({ kind: 'overdue' }), effect.delayMs);
          break;
        case 'clear-timer':
          clearTimeout(this.#moveTimer);
          break;
      }
    }
    if (state.phase === 'done' || state.phase === 'aborted') {
      this.#move = undefined;
      this.#stepSoon(state.phase === 'done' ? 0 : retryDelayMs);
    }
  }

  /** How a move ended is also known from the ring: without room for it, the next start records it. */
  #record(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
  }

  #noteFreeze(durationMs: number | undefined): void {
    // A repeated announcement has nothing to end.
    if (durationMs === undefined) return;
    this.#running?.progress.froze(durationMs);
    this.#batchSize.froze(durationMs);
  }

  #movedFigures(move: Move): ChangeFigures {
    const { progress } = this.#running as Running;
    progress.moved(move.slots.length);
    return progress.takeFigures();
  }

  #undo(reason: string): void {
    const { topologyFile } = this.#options;
    const id = this.#running?.change.id;
    if (id !== undefined && topologyFile.change(id).state === 'running') topologyFile.undoChange(id, reason);
  }

  #ask(move: Move, side: Side, command: MoveCommand): void {
    const { supervisor, topologyFile } = this.#options;
    if (command === 'freeze') this.#freeze.begin();
    supervisor.shard(side === 'source' ? move.from : move.to)?.send({
      type: 'move',
      command,
      move: { ...move, slots: [...move.slots] },
      epoch: topologyFile.ring.epoch,
      sourceSocket: supervisor.moveSocketOf(move.from) ?? null,
      rowsPerS: this.#throttle.rowsPerS,
    });
  }
}
