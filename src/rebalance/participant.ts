/**
 * A shard's part in moves: it carries the primary's commands to the source and the target side, their requests and
 * replies over the connection between the shards, paces what is copied, and purges what has left. What is right to do
 * is decided by `source.ts` and `target.ts`; when it is done is decided here.
 */

import type { Ring } from '../partition/ring.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import { failpoint } from '../ports/failpoint.ts';
import type {
  MoveAnswer,
  MoveId,
  MoveOrder,
  MoveReport,
  PageStep,
  RefusalCode,
  Side,
  SourceReply,
  SourceRequest,
} from './move.ts';
import type { ParticipantStorage, SourceConnection, SourceConnectionEvents } from './ports.ts';
import { MoveSource } from './source.ts';
import { defaultStepLimits, type StepLimits } from './step-limits.ts';
import { MoveTarget, type TargetEffect } from './target.ts';

/** Pauses are so many times as long as the step before: purging takes at most a tenth of the shard's time. */
const purgePauseFactor = 9;
/** Wiping holds up a move that is under way: it takes a third of the shard's time. */
const wipePauseFactor = 2;
/** While rows are copied as fast as it goes, they have the shard's time. */
const purgeLaterMs = 50;
const fullDiskDelayMs = 1_000;

export type ParticipantOptions = {
  readonly shard: number;
  readonly storage: ParticipantStorage;
  readonly ring: Ring;
  readonly clock: Clock;
  readonly limits?: StepLimits;
  readonly connect: (socketPath: string, events: SourceConnectionEvents) => SourceConnection;
  readonly tell: (report: MoveReport) => void;
};

export class MoveParticipant {
  readonly source: MoveSource;
  readonly #target: MoveTarget;
  readonly #options: ParticipantOptions;
  readonly #limits: StepLimits;
  #ring: Ring;
  #connection: SourceConnection | undefined;
  /** Of the move under way; 0 for as fast as it goes. */
  #rowsPerS = 0;
  #requestedAtMs = 0;
  #stepBeganAtMs = 0;
  #purge: Timer | undefined;
  #pause: Timer | undefined;
  #settleAgain: Timer | undefined;

  constructor(options: ParticipantOptions) {
    this.#options = options;
    this.#limits = options.limits ?? defaultStepLimits;
    this.#ring = options.ring;
    this.source = new MoveSource(options.storage, this.#limits);
    this.#target = new MoveTarget(options.storage, this.#limits);
    this.adopt(options.ring);
  }

  /** The ring alone says what has come and what has left. */
  adopt(ring: Ring): void {
    if (ring.epoch < this.#ring.epoch) return;
    this.#ring = ring;
    this.#settle();
  }

  onOrder(order: MoveOrder): void {
    const { command, move } = order;
    this.#rowsPerS = order.rowsPerS;
    this.#stepBeganAtMs = this.#options.clock.nowMs();
    const side = move.to === this.#options.shard ? 'target' : 'source';
    failpoint(`${side}:${command}:before`);
    try {
      this.#obey(order);
      failpoint(`${side}:${command}:after`);
    } catch (error) {
      this.#refuseFullDisk(error, move.id, side);
    }
  }

  stop(): void {
    this.#purge?.cancel();
    this.#pause?.cancel();
    this.#settleAgain?.cancel();
    this.#connection?.close();
  }

  /** What the target of a move asks this shard for. A full disk is the move's trouble, not the shard's. */
  answerTarget(request: SourceRequest): SourceReply {
    failpoint(`source:${request.kind}:before`);
    try {
      return this.source.answer(request);
    } catch (error) {
      if (!this.#options.storage.isDiskFull(error)) throw error;
      return { kind: 'refusal', code: 'disk-full', reason: this.#fullDiskText };
    }
  }

  #obey({ command, move, epoch, sourceSocket }: MoveOrder): void {
    const isTarget = move.to === this.#options.shard;
    // What an earlier move left must not be taken for a part of this one.
    if (command === 'track' || command === 'prepare') {
      if (this.#settleAgain !== undefined) this.#settleOnce();
      this.#options.storage.isMovingBesideClients = this.#step === 'short';
    }
    switch (command) {
      case 'track':
        return this.#tracked(move.id, this.source.track(move));
      case 'freeze': {
        const answer = this.source.freeze(move.id);
        if (answer === undefined) {
          return this.#refuse(move.id, 'source', 'move-unknown', 'the source knows nothing of this move');
        }
        return this.#answer(move.id, 'source', answer);
      }
      case 'prepare':
        return this.#carryOut(this.#target.prepare(move, this.#step));
      case 'copy':
        if (this.#connection === undefined && sourceSocket !== null) this.#connect(sourceSocket);
        return this.#carryOut(this.#target.copy(move.id, this.#step));
      case 'finish':
        return this.#carryOut(this.#target.finish(move.id));
      case 'cancel':
        if (isTarget) {
          this.#disconnect();
          this.#carryOut(this.#target.cancel(move.id));
        } else this.#answer(move.id, 'source', this.source.cancel(move.id));
        return this.#purgeSoon();
      case 'release':
        // Without the ring that the move was committed with, nothing can be let go: the primary will tell it again.
        if (this.#ring.epoch < epoch) return;
        return this.#answer(move.id, isTarget ? 'target' : 'source', 'released');
    }
  }

  /** Late news is answered with nothing. */
  #tracked(move: MoveId, answer: MoveAnswer | undefined): void {
    if (answer !== undefined) this.#answer(move, 'source', answer);
  }

  #settle(): void {
    try {
      this.#settleOnce();
    } catch (error) {
      if (!this.#options.storage.isDiskFull(error)) throw error;
      // The ring already says what is served; only the counters lag behind until there is room.
      this.#settleAgain?.cancel();
      this.#settleAgain = this.#options.clock.after(fullDiskDelayMs, () => this.#settle());
    }
  }

  #settleOnce(): void {
    const { storage, shard } = this.#options;
    const open = new Set([this.source.move?.id, this.#target.move?.id]);
    const settled = storage.settle(this.#ring, shard, (move) => open.has(move));
    this.#settleAgain?.cancel();
    this.#settleAgain = undefined;
    for (const id of settled) {
      this.source.end(id);
      if (this.#target.move?.id === id) this.#disconnect();
      this.#target.end(id);
    }
    this.#purgeSoon();
  }

  #connect(socketPath: string): void {
    this.#connection = this.#options.connect(socketPath, {
      onReply: (reply) => {
        failpoint(`target:${reply.kind}:before`);
        this.#guarded(() => this.#target.receive(reply));
        failpoint(`target:${reply.kind}:after`);
      },
      onLost: () => {
        this.#connection = undefined;
        this.#carryOut(this.#target.sourceLost());
      },
    });
  }

  #disconnect(): void {
    this.#pause?.cancel();
    this.#connection?.close();
    this.#connection = undefined;
  }

  #guarded(step: () => Iterable<TargetEffect>): void {
    const move = this.#target.move;
    this.#stepBeganAtMs = this.#options.clock.nowMs();
    try {
      this.#carryOut(step());
    } catch (error) {
      if (move === undefined) throw error;
      this.#refuseFullDisk(error, move.id, 'target');
    }
  }

  #carryOut(effects: Iterable<TargetEffect>): void {
    let pauseMs = 0;
    for (const effect of effects) {
      switch (effect.kind) {
        case 'answer':
          this.#answer(effect.move, 'target', effect.answer);
          break;
        case 'refuse':
          this.#refuse(effect.move, 'target', effect.code, effect.reason);
          break;
        case 'progress': {
          const { move, rows, bytes, names } = effect;
          this.#options.tell({ type: 'move-progress', move, rows, bytes });
          // Less what it took to get them.
          if (this.#rowsPerS > 0)
            pauseMs = ((rows + names) * 1_000) / this.#rowsPerS - (this.#options.clock.nowMs() - this.#requestedAtMs);
          break;
        }
        case 'wipe':
          this.#pause = this.#options.clock.after(
            this.#rowsPerS === 0 ? 0 : wipePauseFactor * (this.#options.clock.nowMs() - this.#stepBeganAtMs),
            () => this.#guarded(() => this.#target.wipe(effect.move)),
          );
          break;
        case 'request': {
          const { request } = effect;
          // Never a pause while clients wait for a frozen slot.
          if (pauseMs < 1 || request.kind === 'rest') this.#request(request);
          else this.#pause = this.#options.clock.after(pauseMs, () => this.#request(request));
          break;
        }
      }
    }
  }

  #request(request: SourceRequest): void {
    this.#requestedAtMs = this.#options.clock.nowMs();
    this.#connection?.request(request);
  }

  #answer(move: MoveId, side: Side, answer: MoveAnswer): void {
    this.#options.tell({ type: 'move-answer', move, side, answer });
  }

  #refuse(move: MoveId, side: Side, code: RefusalCode, reason: string): void {
    this.#options.tell({ type: 'move-refusal', move, side, code, reason });
  }

  #refuseFullDisk(error: unknown, move: MoveId, side: Side): void {
    if (!this.#options.storage.isDiskFull(error)) throw error;
    // What the target has asked for already would be stored behind a gap.
    if (this.#target.move?.id === move) this.#target.drop();
    this.#refuse(move, side, 'disk-full', this.#fullDiskText);
  }

  get #fullDiskText(): string {
    return `the disk of shard ${this.#options.shard} is full`;
  }

  #purgeSoon(delayMs = 1): void {
    this.#purge ??= this.#options.clock.after(delayMs, () => {
      this.#purge = undefined;
      if (this.#isInHurry) return this.#purgeSoon(purgeLaterMs);
      const beganAtMs = this.#options.clock.nowMs();
      try {
        if (!this.#options.storage.purgeStep(this.#limits.purge)) return this.#rest();
        this.#purgeSoon(purgePauseFactor * (this.#options.clock.nowMs() - beganAtMs));
      } catch (error) {
        if (!this.#options.storage.isDiskFull(error)) throw error;
        // Even deleting needs room.
        this.#purgeSoon(fullDiskDelayMs);
      }
    });
  }

  /** Nothing moves here, and nothing is left of what did. */
  #rest(): void {
    if (this.source.move !== undefined || this.#target.move !== undefined) return;
    this.#options.storage.isMovingBesideClients = false;
  }

  get #step(): PageStep {
    return this.#rowsPerS === 0 ? 'long' : 'short';
  }

  get #isInHurry(): boolean {
    return this.#rowsPerS === 0 && (this.source.move !== undefined || this.#target.move !== undefined);
  }
}
