/**
 * A router's end of the connection to one shard: a mirror of `wire/shard-link.ts`. It keeps every request until it
 * is answered, and sends it again on each new connection.
 */

import type { KeyOperation } from '../../src/kv/operation.ts';
import { givenUp, overloaded, type Pending } from '../../src/routing/pending.ts';
import type { AnswerFrame, RouterConnection, World } from './processes.ts';
import type { Life } from './scheduler.ts';
import type { SimulatedShard } from './simulated-shard.ts';

const retryDelayMs = 50;
export const holdDeadlineMs = 5_000;

type LinkState =
  | { readonly name: 'waiting'; readonly at: SimulatedShard | undefined }
  | { readonly name: 'connecting' | 'serving'; readonly at: SimulatedShard; readonly connection: RouterConnection }
  | { readonly name: 'failed' };

export type Seen = { lsn: number; epoch: number };

export class SimulatedLink {
  readonly shard: number;
  readonly #world: World;
  readonly #life: Life;
  readonly #seen: Seen;
  readonly #session: number;
  readonly #onMoved: (pending: Pending) => void;
  readonly #pending = new Map<number, Pending>();
  #state: LinkState = { name: 'waiting', at: undefined };
  #nextRequestId = 1;

  constructor(
    world: World,
    life: Life,
    { shard, seen, session }: { shard: number; seen: Seen; session: number },
    onMoved: (pending: Pending) => void,
  ) {
    this.#world = world;
    this.#life = life;
    this.shard = shard;
    this.#seen = seen;
    this.#session = session;
    this.#onMoved = onMoved;
  }

  request(pending: Pending): void {
    if (this.#state.name === 'failed') return pending.settle(givenUp(pending, `shard ${this.shard} was given up`));
    if (this.#pending.size >= this.#world.circumstances.pendingMax) {
      return pending.settle(overloaded(pending, 'too many wait for this shard'));
    }
    const requestId = this.#nextRequestId++;
    this.#pending.set(requestId, pending);
    if (this.#state.name === 'serving') this.#send(this.#state.connection, requestId, pending);
  }

  takeBack(hasMoved: (operation: Pending['operation']) => boolean): Pending[] {
    const taken: Pending[] = [];
    for (const [requestId, pending] of this.#pending) {
      if (!hasMoved(pending.operation)) continue;
      this.#pending.delete(requestId);
      taken.push(pending);
    }
    return taken;
  }

  serveAt(at: SimulatedShard): void {
    if ('at' in this.#state && this.#state.at === at) return;
    this.#dropConnection();
    this.#connect(at);
  }

  wait(): void {
    this.#dropConnection();
    this.#state = { name: 'waiting', at: undefined };
  }

  giveUp(): void {
    this.#dropConnection();
    this.#state = { name: 'failed' };
    for (const pending of this.takeBack(() => true)) pending.settle(givenUp(pending, 'the shard was given up'));
  }

  /** The deadline of this request has come: nobody waits for it here any longer. */
  overdue(pending: Pending): boolean {
    for (const [requestId, other] of this.#pending) if (other === pending) return this.#pending.delete(requestId);
    return false;
  }

  #send(connection: RouterConnection, requestId: number, pending: Pending): void {
    const { opId } = pending;
    // Simulated clients ask for nothing else.
    const operation = pending.operation as KeyOperation;
    const resent = pending.openSends > 0;
    if (!resent) pending.seenLsn = this.#seen.lsn;
    pending.openSends++;
    const request = { operation, epoch: this.#seen.epoch, resend: { opId, resent, seenLsn: pending.seenLsn } };
    connection.toServer({ kind: 'request', requestId, request });
  }

  #connect(at: SimulatedShard): void {
    const connection: RouterConnection = at.accept(this.#life, {
      receive: (frame) => this.#onFrame(connection, frame),
      closed: () => {
        if (!('connection' in this.#state) || this.#state.connection !== connection) return;
        this.#world.trace.note(this.#life, () => `loses its connection to shard ${this.shard}`);
        this.#state = { name: 'waiting', at };
        this.#retryLater(at);
      },
    });
    this.#state = { name: 'connecting', at, connection };
    if (at.life.isAlive) connection.toServer({ kind: 'hello', session: this.#session });
    else connection.endOf(at.life);
  }

  #retryLater(at: SimulatedShard): void {
    this.#world.scheduler.after(this.#life, retryDelayMs, () => {
      if (this.#state.name === 'waiting' && this.#state.at === at) this.#connect(at);
    });
  }

  #onFrame(connection: RouterConnection, frame: AnswerFrame): void {
    const state = this.#state;
    if (!('connection' in state) || state.connection !== connection) return;
    if (frame.kind === 'hello') {
      this.#seen.lsn = Math.max(this.#seen.lsn, frame.lsn);
      this.#state = { name: 'serving', at: state.at, connection };
      for (const [requestId, pending] of this.#pending) this.#send(connection, requestId, pending);
      return;
    }
    const pending = this.#pending.get(frame.requestId);
    if (pending === undefined) return;
    this.#pending.delete(frame.requestId);
    const { answer } = frame;
    if (answer.kind === 'moved') {
      pending.openSends--;
      return this.#onMoved(pending);
    }
    if ('version' in answer && answer.version > this.#seen.lsn) this.#seen.lsn = answer.version;
    pending.settle(answer);
  }

  #dropConnection(): void {
    const state = this.#state;
    if (!('connection' in state)) return;
    this.#state = { name: 'waiting', at: undefined };
    state.connection.destroyedBy('client');
  }
}
