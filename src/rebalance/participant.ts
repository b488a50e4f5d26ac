/**
 * A shard's hands in moves: carries the primary's commands to the source and the target side, their requests and
 * replies over the socket between the shards, and purges what has left. What is right to do is decided in
 * `moves/`; here it is only done.
 */

import type { Ring } from '../partition/ring.ts';
import { isDiskFull } from '../sqlite/database.ts';
import type { SlotTransfer } from '../sqlite/slot-transfer.ts';
import { failpoint } from '../supervision/failpoint.ts';
import type { MessageToPrimary, MoveMessage } from '../supervision/messages.ts';
import type { WireError } from '../wire/frame.ts';
import { MoveConnection, MoveServer } from '../wire/move-connection.ts';
import type { MoveAnswer, MoveCommand, MoveId, PageStep, SourceReply, SourceRequest } from './move.ts';
import { MoveSource } from './source.ts';
import { MoveTarget, type TargetEffect } from './target.ts';

/** A step takes a few milliseconds. */
const purgeStep = { rowsMax: 64, pagesMax: 16 } as const;
/** Pauses are so many times as long as the step before: purging takes at most a tenth of the shard's time. */
const purgePauseFactor = 9;
/** Wiping holds up a move that is under way: it takes a third of the shard's time. */
const wipePauseFactor = 2;
/** While rows are copied as fast as it goes, they have the shard's time. */
const purgeLaterMs = 50;
const fullDiskDelayMs = 1_000;

export type ParticipantOptions = {
  readonly shard: number;
  readonly transfer: SlotTransfer;
  readonly ring: Ring;
  readonly tell: (message: MessageToPrimary) => void;
  readonly onWireError: (error: WireError) => void;
};

export class MoveParticipant {
  readonly source: MoveSource;
  readonly #target: MoveTarget;
  readonly #server: MoveServer;
  readonly #options: ParticipantOptions;
  #ring: Ring;
  #connection: MoveConnection | undefined;
  /** Of the move under way; 0 for as fast as it goes. */
  #rowsPerS = 0;
  #requestedAtMs = 0;
  #stepBeganAtMs = 0;
  #purge: NodeJS.Timeout | undefined;
  #pause: NodeJS.Timeout | undefined;
  #settleAgain: NodeJS.Timeout | undefined;

  constructor(options: ParticipantOptions) {
    this.#options = options;
    this.#ring = options.ring;
    this.source = new MoveSource(options.transfer);
    this.#target = new MoveTarget(options.transfer);
    this.#server = new MoveServer((request) => {
      failpoint(`source:${request.kind}:before`);
      return this.#answerTarget(request);
    }, options.onWireError);
    this.adopt(options.ring);
  }

  listen(socketPath: string): Promise<void> {
    return this.#server.listen(socketPath);
  }

  /** The ring alone says what has come and what has left. */
  adopt(ring: Ring): void {
    if (ring.epoch < this.#ring.epoch) return;
    this.#ring = ring;
    this.#settle();
  }

  onCommand({ command, move, epoch, sourceSocket, rowsPerS }: MoveMessage): void {
    this.#rowsPerS = rowsPerS;
    this.#stepBeganAtMs = performance.now();
    const side = move.to === this.#options.shard ? 'target' : 'source';
    failpoint(`${side}:${command}:before`);
    try {
      this.#onCommand(command, move, epoch, sourceSocket);
      failpoint(`${side}:${command}:after`);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#refuse(move.id, side, `the disk of shard ${this.#options.shard} is full`);
    }
  }

  stop(): void {
    clearTimeout(this.#purge);
    clearTimeout(this.#pause);
    clearTimeout(this.#settleAgain);
    this.#connection?.close();
    this.#server.stop();
  }

  /** A full disk is the move's trouble, not the shard's. */
  #answerTarget(request: SourceRequest): SourceReply {
    try {
      return this.source.answer(request);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      return { kind: 'refusal', reason: `the disk of shard ${this.#options.shard} is full` };
    }
  }

  #onCommand(command: MoveCommand, move: MoveMessage['move'], epoch: number, sourceSocket: string | null): void {
    const isTarget = move.to === this.#options.shard;
    // What an earlier move left must not be taken for a part of this one.
    if (command === 'track' || command === 'prepare') {
      if (this.#settleAgain !== undefined) this.#settleOnce();
      this.#options.transfer.isMovingBesideClients = this.#step === 'short';
    }
    switch (command) {
      case 'track':
        return this.#tracked(move.id, this.source.track(move));
      case 'freeze': {
        const answer = this.source.freeze(move.id);
        if (answer === undefined) return this.#refuse(move.id, 'source', 'the source knows nothing of this move');
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
      if (!isDiskFull(error)) throw error;
      // The ring already says what is served; only the counters lag behind until there is room.
      clearTimeout(this.#settleAgain);
      this.#settleAgain = setTimeout(() => this.#settle(), fullDiskDelayMs);
    }
  }

  #settleOnce(): void {
    const { transfer, shard } = this.#options;
    const open = new Set([this.source.move?.id, this.#target.move?.id]);
    const settled = transfer.settle(this.#ring, shard, (move) => open.has(move));
    clearTimeout(this.#settleAgain);
    this.#settleAgain = undefined;
    for (const id of settled) {
      this.source.end(id);
      if (this.#target.move?.id === id) this.#disconnect();
      this.#target.end(id);
    }
    this.#purgeSoon();
  }

  #connect(socketPath: string): void {
    this.#connection = new MoveConnection(socketPath, {
      onReply: (reply) => {
        failpoint(`target:${reply.kind}:before`);
        this.#guarded(() => this.#target.receive(reply));
        failpoint(`target:${reply.kind}:after`);
      },
      onLost: () => {
        this.#connection = undefined;
        this.#carryOut(this.#target.sourceLost('the connection to the source was lost'));
      },
    });
  }

  #disconnect(): void {
    clearTimeout(this.#pause);
    this.#connection?.close();
    this.#connection = undefined;
  }

  #guarded(step: () => Iterable<TargetEffect>): void {
    const move = this.#target.move;
    this.#stepBeganAtMs = performance.now();
    try {
      this.#carryOut(step());
    } catch (error) {
      if (!isDiskFull(error) || move === undefined) throw error;
      this.#refuse(move.id, 'target', `the disk of shard ${this.#options.shard} is full`);
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
          this.#refuse(effect.move, 'target', effect.reason);
          break;
        case 'progress': {
          const { move, rows, bytes } = effect;
          this.#options.tell({ type: 'move-progress', move, rows, bytes });
          // Less what it took to get them.
          if (this.#rowsPerS > 0) pauseMs = (rows * 1_000) / this.#rowsPerS - (performance.now() - this.#requestedAtMs);
          break;
        }
        case 'wipe':
          this.#pause = setTimeout(
            () => this.#guarded(() => this.#target.wipe(effect.move)),
            this.#rowsPerS === 0 ? 0 : wipePauseFactor * (performance.now() - this.#stepBeganAtMs),
          );
          break;
        case 'request': {
          const { request } = effect;
          // Never a pause while clients wait for a frozen slot.
          if (pauseMs < 1 || request.kind === 'rest') this.#request(request);
          else this.#pause = setTimeout(() => this.#request(request), pauseMs);
          break;
        }
      }
    }
  }

  #request(request: SourceRequest): void {
    this.#requestedAtMs = performance.now();
    this.#connection?.request(request);
  }

  #answer(
    move: MoveId,
    side: 'source' | 'target',
    answer: Extract<MessageToPrimary, { type: 'move-answer' }>['answer'],
  ): void {
    this.#options.tell({ type: 'move-answer', move, side, answer });
  }

  #refuse(move: MoveId, side: 'source' | 'target', reason: string): void {
    this.#options.tell({ type: 'move-refusal', move, side, reason });
  }

  #purgeSoon(delayMs = 1): void {
    this.#purge ??= setTimeout(() => {
      this.#purge = undefined;
      if (this.#isInHurry) return this.#purgeSoon(purgeLaterMs);
      const beganAtMs = performance.now();
      try {
        if (!this.#options.transfer.purgeStep(purgeStep)) return this.#rest();
        this.#purgeSoon(purgePauseFactor * (performance.now() - beganAtMs));
      } catch (error) {
        if (!isDiskFull(error)) throw error;
        // Even deleting needs room.
        this.#purgeSoon(fullDiskDelayMs);
      }
    }, delayMs);
  }

  /** Nothing moves here, and nothing is left of what did. */
  #rest(): void {
    if (this.source.move !== undefined || this.#target.move !== undefined) return;
    this.#options.transfer.isMovingBesideClients = false;
  }

  get #step(): PageStep {
    return this.#rowsPerS === 0 ? 'long' : 'short';
  }

  get #isInHurry(): boolean {
    return this.#rowsPerS === 0 && (this.source.move !== undefined || this.#target.move !== undefined);
  }
}
