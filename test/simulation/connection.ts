/**
 * The two kinds of wires. A connection is an ordered stream each way, as a Unix socket: what was sent before it broke
 * may or may not arrive, never out of order, and then either end sees it close. Control messages go through a pipe
 * of their own, or, where the network is hostile, each for itself: late, twice, out of order, or never.
 */

import type { Fate } from './fate.ts';
import type { Life, Scheduler } from './scheduler.ts';

export type Wires = { readonly scheduler: Scheduler; readonly fate: Fate };

export type Receiver<T> = {
  readonly life: Life;
  readonly receive: (message: T) => void;
  /** The other end is gone. Not called for what was closed from here. */
  readonly closed: () => void;
};

const end = Symbol('the end of the stream');

/** One direction. */
class Stream<T> {
  readonly #wires: Wires;
  readonly #receiver: Receiver<T>;
  readonly #queue: (T | typeof end)[] = [];
  #isScheduled = false;
  #isEnded = false;
  /** The receiver wants nothing more. */
  isDiscarded = false;

  constructor(wires: Wires, receiver: Receiver<T>) {
    this.#wires = wires;
    this.#receiver = receiver;
  }

  send(message: T): void {
    if (this.#isEnded || this.isDiscarded) return;
    this.#queue.push(message);
    this.#schedule();
  }

  /** Some of what is on the way arrives, then the end. */
  cut(): void {
    if (this.#isEnded) return;
    this.#queue.length = this.#wires.fate.below(this.#queue.length + 1);
    this.finish();
  }

  /** All that is on the way arrives, then the end. */
  finish(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#queue.push(end);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.isDiscarded || this.#queue.length === 0) return;
    this.#isScheduled = true;
    this.#wires.scheduler.soon(this.#receiver.life, () => this.#deliver());
  }

  #deliver(): void {
    this.#isScheduled = false;
    if (this.isDiscarded) return;
    const message = this.#queue.shift() as T | typeof end;
    this.#schedule();
    if (message !== end) return this.#receiver.receive(message);
    this.isDiscarded = true;
    this.#receiver.closed();
  }
}

export class Connection<ToServer, ToClient> {
  readonly #toServer: Stream<ToServer>;
  readonly #toClient: Stream<ToClient>;
  readonly client: Life;
  readonly server: Life;

  constructor(wires: Wires, client: Receiver<ToClient>, server: Receiver<ToServer>) {
    this.#toServer = new Stream(wires, server);
    this.#toClient = new Stream(wires, client);
    this.client = client.life;
    this.server = server.life;
  }

  get isOpen(): boolean {
    return !this.#toServer.isDiscarded || !this.#toClient.isDiscarded;
  }

  toServer(message: ToServer): void {
    this.#toServer.send(message);
  }

  toClient(message: ToClient): void {
    this.#toClient.send(message);
  }

  /** This end destroys its socket: it reads no more, and what it wrote arrives in part. */
  destroyedBy(side: 'client' | 'server'): void {
    const [outgoing, incoming] =
      side === 'client' ? [this.#toServer, this.#toClient] : [this.#toClient, this.#toServer];
    incoming.isDiscarded = true;
    outgoing.cut();
  }

  break(): void {
    this.#toServer.cut();
    this.#toClient.cut();
  }

  /** A process died. */
  endOf(life: Life): void {
    if (this.client === life) this.destroyedBy('client');
    if (this.server === life) this.destroyedBy('server');
  }
}

export type ControlOdds = { readonly isOrdered: boolean; readonly drop: number; readonly duplicate: number };

/** From one process to another, over fork IPC. */
export class ControlChannel<T> {
  readonly #wires: Wires;
  readonly #odds: ControlOdds;
  readonly #life: Life;
  readonly #receive: (message: T) => void;
  readonly #pipe: Stream<T>;

  constructor(wires: Wires, odds: ControlOdds, life: Life, receive: (message: T) => void) {
    this.#wires = wires;
    this.#odds = odds;
    this.#life = life;
    this.#receive = receive;
    this.#pipe = new Stream(wires, { life, receive, closed: () => {} });
  }

  /** @param isCertain nothing would ever repeat this message: it comes late, but comes */
  send(message: T, { isCertain }: { readonly isCertain: boolean }): void {
    const { scheduler, fate } = this.#wires;
    if (this.#odds.isOrdered) return this.#pipe.send(message);
    if (!isCertain && scheduler.isChaotic && fate.chance(this.#odds.drop)) return;
    scheduler.soon(this.#life, () => this.#receive(message));
    if (scheduler.isChaotic && fate.chance(this.#odds.duplicate)) {
      scheduler.soon(this.#life, () => this.#receive(message));
    }
  }
}
