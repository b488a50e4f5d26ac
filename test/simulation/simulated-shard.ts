/**
 * A shard's process: the product's MoveSource and MoveTarget, and around them a mirror of what `shard/main.ts`,
 * `shard/move-agent.ts` and `wire/shard-server.ts` do with sockets, timers and messages.
 */

import type { Outcome } from '../../src/kv/outcome.ts';
import type { Side } from '../../src/rebalance/coordinator.ts';
import type { MoveId, SourceReply, SourceRequest } from '../../src/rebalance/move.ts';
import { MoveSource } from '../../src/rebalance/source.ts';
import { MoveTarget, type TargetEffect } from '../../src/rebalance/target.ts';
import { type Answer, movedAnswer } from '../../src/wire/answer-frame.ts';
import type {
  AnswerFrame,
  ChildProcess,
  ControlMessage,
  MoveConnection,
  MoveMessage,
  Report,
  RequestFrame,
  RouterConnection,
  Topology,
  World,
} from './processes.ts';
import { describeRequest } from './processes.ts';
import type { Life, Timer } from './scheduler.ts';
import { DiskFull, type Request, type SimulatedFile } from './simulated-file.ts';
import type { SimulatedRing } from './simulated-ring.ts';

const purgePauseMs = 5;
const fullDiskDelayMs = 1_000;

type Accepted = { connection: RouterConnection | undefined; session: number | undefined; isDestroyed: boolean };
type Awaiting = { readonly accepted: Accepted; readonly requestId: number; readonly request: Request };

export class SimulatedShard implements ChildProcess {
  readonly life: Life;
  readonly shard: number;
  readonly #world: World;
  readonly #tell: (report: Report) => void;
  readonly #file: SimulatedFile;
  readonly source: MoveSource;
  readonly #target: MoveTarget;
  readonly #accepted = new Set<Accepted>();
  #turn: Awaiting[] = [];
  readonly #arrivedAtEpoch = new Map<number, number>();
  /** Undefined until it was started. */
  #ring: SimulatedRing | undefined;
  #latestSequence = -1;
  /** A topology that overtook the start message. */
  #early: Topology | undefined;
  #connection: MoveConnection | undefined;
  #purge: Timer | undefined;
  #pause: Timer | undefined;
  #settleAgain: Timer | undefined;

  constructor(world: World, shard: number, life: Life, tell: (report: Report) => void) {
    this.#world = world;
    this.shard = shard;
    this.life = life;
    this.#tell = tell;
    this.#file = world.fileOf(shard);
    this.source = new MoveSource(this.#file);
    this.#target = new MoveTarget(this.#file);
  }

  get epoch(): number {
    return this.#ring?.epoch ?? 0;
  }

  /** Whether an operation on this slot would be executed right now. */
  serves(slot: number): boolean {
    return this.#ring?.owners[slot] === this.shard && !this.source.refuses(slot);
  }

  #servesRequest({ operation: { slot }, epoch }: Request): boolean {
    return this.serves(slot) && epoch >= (this.#arrivedAtEpoch.get(slot) ?? 0);
  }

  obey(message: ControlMessage): void {
    switch (message.type) {
      case 'start':
        return this.#start(message.topology);
      case 'topology':
        if (message.topology.sequence <= this.#latestSequence) return;
        this.#latestSequence = message.topology.sequence;
        if (this.#ring === undefined) this.#early = message.topology;
        if (this.#ring === undefined || message.topology.ring.epoch < this.#ring.epoch) return;
        return this.#adopt(message.topology.ring);
      case 'move':
        if (this.#ring === undefined) return;
        return this.#obeyMove(message);
    }
  }

  /** A router connects. */
  accept(router: Life, events: { receive: (frame: AnswerFrame) => void; closed: () => void }): RouterConnection {
    const accepted: Accepted = { connection: undefined, session: undefined, isDestroyed: false };
    const connection = this.#world.connect<RequestFrame, AnswerFrame>(
      { life: router, ...events },
      {
        life: this.life,
        receive: (frame) => this.#onFrame(accepted, frame),
        closed: () => this.#destroy(accepted),
      },
    );
    accepted.connection = connection;
    this.#accepted.add(accepted);
    return connection;
  }

  /** The target of a move connects. */
  acceptMove(target: Life, events: { receive: (reply: SourceReply) => void; closed: () => void }): MoveConnection {
    const connection: MoveConnection = this.#world.connect(
      { life: target, ...events },
      {
        life: this.life,
        receive: (request) => {
          const reply = this.#answerMove(request);
          this.#note(() => `is asked for ${request.kind} and answers ${reply.kind}`);
          // As if many more keys had been written meanwhile: the target needs another round.
          const isBusy = reply.kind === 'changes' && this.#world.fate.chance(0.3);
          connection.toClient(isBusy ? { ...reply, left: reply.left + 64 } : reply);
        },
        closed: () => {},
      },
    );
    return connection;
  }

  #answerMove(request: SourceRequest): SourceReply {
    // The moment that matters most: what it gave may arrive, and be committed, after it has died.
    if (request.kind === 'rest') this.#world.scheduler.after(this.life, 2, () => this.#world.crashPoint());
    try {
      return this.source.answer(request);
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      return { kind: 'refusal', reason: `the disk of shard ${this.shard} is full` };
    }
  }

  #note(text: () => string): void {
    this.#world.trace.note(this.life, text);
  }

  #start({ sequence, ring }: Topology): void {
    if (this.#ring !== undefined) return;
    this.#latestSequence = Math.max(this.#latestSequence, sequence);
    if (!this.#world.invariants.takesFile(this.life, this.shard)) {
      this.#note(() => 'finds its file locked and exits');
      return this.#world.kill(this.life);
    }
    this.#file.open();
    this.#adopt(ring);
    if (this.#early !== undefined && this.#early.ring.epoch > ring.epoch) this.#adopt(this.#early.ring);
    this.#tell({ type: 'ready' });
  }

  #adopt(ring: SimulatedRing): void {
    this.#note(() => `adopts ring ${ring.epoch}: ${ring.owners.join(' ')}`);
    for (const [slot, owner] of ring.owners.entries()) {
      const isNew = this.#ring !== undefined && owner === this.shard && this.#ring.owners[slot] !== owner;
      if (isNew) this.#arrivedAtEpoch.set(slot, ring.epoch);
    }
    this.#ring = ring;
    this.#settle();
  }

  #settle(): void {
    try {
      this.#settleOnce();
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      this.#settleAgain?.cancel();
      this.#settleAgain = this.#world.scheduler.after(this.life, fullDiskDelayMs, () => this.#settle());
    }
  }

  #settleOnce(): void {
    const open = new Set([this.source.move?.id, this.#target.move?.id]);
    const settled = this.#file.settle(this.#ring as SimulatedRing, (move) => open.has(move));
    this.#settleAgain?.cancel();
    this.#settleAgain = undefined;
    for (const id of settled) {
      this.source.end(id);
      if (this.#target.move?.id === id) this.#disconnect();
      this.#target.end(id);
    }
    this.#purgeSoon();
  }

  #obeyMove(message: MoveMessage): void {
    const { command, move } = message;
    this.#note(() => `obeys ${command} of move ${move.id}`);
    try {
      this.#obeyCommand(message);
    } catch (error) {
      if (!(error instanceof DiskFull)) throw error;
      this.#refuseFullDisk(move.id, move.to === this.shard ? 'target' : 'source');
    }
  }

  #refuseFullDisk(move: MoveId, side: Side): void {
    this.#note(() => 'has no room');
    this.#tell({ type: 'refusal', move, side, reason: `the disk of shard ${this.shard} is full` });
  }

  #obeyCommand({ command, move, epoch, source }: MoveMessage): void {
    const isTarget = move.to === this.shard;
    // What an earlier move left must not be taken for a part of this one.
    if (this.#settleAgain !== undefined && (command === 'track' || command === 'prepare')) this.#settleOnce();
    switch (command) {
      case 'track': {
        const answer = this.source.track(move);
        if (answer !== undefined) this.#tell({ type: 'answer', move: move.id, side: 'source', answer });
        return;
      }
      case 'freeze': {
        const answer = this.source.freeze(move.id);
        if (answer !== undefined) return this.#tell({ type: 'answer', move: move.id, side: 'source', answer });
        return this.#tell({ type: 'refusal', move: move.id, side: 'source', reason: 'the source knows no such move' });
      }
      case 'prepare':
        return this.#carryOut(this.#target.prepare(move, 'short'));
      case 'copy':
        if (this.#connection === undefined && source !== undefined) this.#connect(source);
        return this.#carryOut(this.#target.copy(move.id, 'short'));
      case 'finish':
        return this.#carryOut(this.#target.finish(move.id));
      case 'cancel':
        if (!isTarget) {
          return this.#tell({ type: 'answer', move: move.id, side: 'source', answer: this.source.cancel(move.id) });
        }
        this.#disconnect();
        this.#carryOut(this.#target.cancel(move.id));
        return this.#purgeSoon();
      case 'release':
        if (this.epoch < epoch) return;
        return this.#tell({
          type: 'answer',
          move: move.id,
          side: isTarget ? 'target' : 'source',
          answer: 'released',
        });
    }
  }

  #connect(source: SimulatedShard): void {
    const lost = () => {
      this.#note(() => 'loses its connection to the source');
      this.#connection = undefined;
      this.#carryOut(this.#target.sourceLost('the connection to the source was lost'));
    };
    this.#connection = source.acceptMove(this.life, {
      receive: (reply) => this.#guarded(() => this.#target.receive(reply)),
      closed: lost,
    });
    if (!source.life.isAlive) this.#connection.endOf(source.life);
  }

  #disconnect(): void {
    this.#pause?.cancel();
    this.#connection?.destroyedBy('client');
    this.#connection = undefined;
  }

  #guarded(step: () => Iterable<TargetEffect>): void {
    const move = this.#target.move;
    try {
      this.#carryOut(step());
    } catch (error) {
      if (!(error instanceof DiskFull) || move === undefined) throw error;
      this.#refuseFullDisk(move.id, 'target');
    }
  }

  #carryOut(effects: Iterable<TargetEffect>): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'answer':
          this.#note(() => `says ${effect.answer} of move ${effect.move}`);
          this.#tell({ type: 'answer', move: effect.move, side: 'target', answer: effect.answer });
          break;
        case 'refuse':
          this.#note(() => `refuses move ${effect.move}: ${effect.reason}`);
          this.#tell({ type: 'refusal', move: effect.move, side: 'target', reason: effect.reason });
          break;
        case 'progress':
          this.#tell({ type: 'progress', move: effect.move });
          break;
        case 'wipe':
          this.#pause = this.#world.scheduler.after(this.life, 5, () =>
            this.#guarded(() => this.#target.wipe(effect.move)),
          );
          break;
        case 'request': {
          const { request } = effect;
          if (request.kind === 'rest' || !this.#world.fate.chance(0.2)) this.#connection?.toServer(request);
          else {
            this.#pause = this.#world.scheduler.after(this.life, 20, () => this.#connection?.toServer(request));
          }
          break;
        }
      }
    }
  }

  #purgeSoon(delayMs = purgePauseMs): void {
    this.#purge ??= this.#world.scheduler.after(this.life, delayMs, () => {
      this.#purge = undefined;
      try {
        if (this.#file.purgeStep()) this.#purgeSoon();
      } catch (error) {
        if (!(error instanceof DiskFull)) throw error;
        this.#purgeSoon(fullDiskDelayMs);
      }
    });
  }

  #onFrame(accepted: Accepted, frame: RequestFrame): void {
    if (accepted.isDestroyed) return;
    if (frame.kind === 'hello') return this.#onHello(accepted, frame.session);
    if (this.#turn.length === 0) this.#world.scheduler.soon(this.life, () => this.#runTurn());
    this.#turn.push({ accepted, requestId: frame.requestId, request: frame.request });
  }

  /** A router that connects anew will resend: what its older connection still carries must not run any more. */
  #onHello(accepted: Accepted, session: number): void {
    for (const other of this.#accepted) if (other.session === session) this.#destroy(other);
    accepted.session = session;
    accepted.connection?.toClient({ kind: 'hello', shard: this.shard, lsn: this.#file.lsn });
  }

  #destroy(accepted: Accepted): void {
    accepted.isDestroyed = true;
    accepted.connection?.destroyedBy('server');
    this.#accepted.delete(accepted);
  }

  #runTurn(): void {
    const turn = this.#turn.filter(({ accepted }) => !accepted.isDestroyed);
    this.#turn = [];
    if (turn.length === 0) return;
    const answers = this.#executeServed(turn.map(({ request }) => request));
    // Executed and durable, not yet answered.
    this.#world.crashPoint();
    for (const [index, { accepted, requestId }] of turn.entries()) {
      accepted.connection?.toClient({ kind: 'answer', requestId, answer: answers[index] as Answer });
    }
  }

  #executeServed(requests: readonly Request[]): readonly Answer[] {
    const served = requests.filter((request) => this.#servesRequest(request));
    for (const { operation } of served) this.#world.invariants.onExecuted(this, operation);
    const outcomes = this.#file.execute(served);
    this.#note(() => `executes ${served.map(describeRequest).join(', ') || 'nothing'} of ${requests.length}`);
    for (const { operation } of served) this.source.noteWrite(operation);
    if (served.length === requests.length) return outcomes;
    let next = 0;
    return requests.map((request) => (this.#servesRequest(request) ? (outcomes[next++] as Outcome) : movedAnswer));
  }
}
