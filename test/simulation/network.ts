/**
 * The two kinds of wires. A connection is an ordered stream of bytes each way, as a Unix socket: what was written before
 * it broke may or may not arrive, never out of order, and then either end sees it close. Control messages go through a
 * pipe of their own, or, where the network is hostile, each for itself: late, twice, out of order, or never.
 */

import type { ByteStream, Listener, Sockets } from '../../src/ports/sockets.ts';
import type { Fate } from './fate.ts';
import type { Life, Scheduler } from './scheduler.ts';

export type Wires = { readonly scheduler: Scheduler; readonly fate: Fate };

/** What is on its way to one process, in order. */
class Stream<T> {
  readonly #wires: Wires;
  readonly #receiver: Life;
  readonly #receive: (item: T) => void;
  readonly #queue: T[] = [];
  #isScheduled = false;
  #isEnded = false;
  /** The receiver wants nothing more. */
  isDiscarded = false;

  constructor(wires: Wires, receiver: Life, receive: (item: T) => void) {
    this.#wires = wires;
    this.#receiver = receiver;
    this.#receive = receive;
  }

  send(item: T): void {
    if (this.#isEnded || this.isDiscarded) return;
    this.#queue.push(item);
    this.#schedule();
  }

  /** Of what is on the way so much arrives, then this. */
  endWith(last: T, { isCut }: { readonly isCut: boolean }): void {
    if (this.#isEnded) return;
    if (isCut) this.#queue.length = this.#wires.fate.below(this.#queue.length + 1);
    this.send(last);
    this.#isEnded = true;
  }

  #schedule(): void {
    if (this.#isScheduled || this.isDiscarded || this.#queue.length === 0) return;
    this.#isScheduled = true;
    this.#wires.scheduler.soon(this.#receiver, () => this.#deliver());
  }

  #deliver(): void {
    this.#isScheduled = false;
    if (this.isDiscarded) return;
    const item = this.#queue.shift() as T;
    this.#schedule();
    this.#receive(item);
  }
}

type Item = Buffer | 'open' | 'end';
type Handlers = { data?: (chunk: Buffer) => void; connect?: () => void; close?: () => void };

/** One end. */
class SimulatedSocket implements ByteStream {
  readonly life: Life;
  readonly writableLength = 0;
  destroyed = false;
  peer: SimulatedSocket | undefined;
  readonly incoming: Stream<Item>;
  readonly #wires: Wires;
  readonly #handlers: Handlers = {};

  constructor(wires: Wires, life: Life, onOpen: (socket: SimulatedSocket) => void) {
    this.#wires = wires;
    this.life = life;
    this.incoming = new Stream(wires, life, (item) => {
      if (item === 'open') return onOpen(this);
      if (item === 'end') return this.destroy();
      this.#handlers.data?.(item);
    });
  }

  on(event: keyof Handlers | 'drain' | 'error', run: (chunk: Buffer) => void): void {
    if (event !== 'drain' && event !== 'error') this.#handlers[event] = run as () => void;
  }

  opened(): void {
    this.#handlers.connect?.();
  }

  /** What is written belongs to the writer again at once, and may arrive in pieces. */
  write(bytes: Buffer): void {
    const at = this.#wires.fate.chance(0.1) ? this.#wires.fate.below(bytes.length) : 0;
    if (at > 0) this.peer?.incoming.send(Buffer.from(bytes.subarray(0, at)));
    this.peer?.incoming.send(Buffer.from(bytes.subarray(at)));
  }

  pause(): void {
    this.incoming.isDiscarded = true;
  }

  /** Nobody pauses but to end: nothing here is ever slow to leave. */
  resume(): void {}

  destroy(): void {
    this.#end({ isCut: true });
  }

  destroySoon(): void {
    this.#end({ isCut: false });
  }

  #end(how: { readonly isCut: boolean }): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.incoming.isDiscarded = true;
    this.peer?.incoming.endWith('end', how);
    this.#wires.scheduler.soon(this.life, () => this.#handlers.close?.());
  }
}

export class Network {
  readonly #wires: Wires;
  readonly #listeners = new Map<string, { readonly life: Life; readonly accept: (stream: ByteStream) => void }>();
  #sockets: SimulatedSocket[] = [];

  constructor(wires: Wires) {
    this.#wires = wires;
  }

  socketsOf(life: Life): Sockets {
    return {
      connect: (path) => this.#connect(life, path),
      listen: async (path, accept): Promise<Listener> => {
        this.#listeners.set(path, { life, accept });
        return { close: () => this.#listeners.delete(path) };
      },
    };
  }

  /** A new primary removes the socket files of the one before. */
  forgetPaths(): void {
    this.#listeners.clear();
  }

  endOf(life: Life): void {
    for (const socket of this.#sockets) if (socket.life === life) socket.destroy();
    this.#sockets = this.#sockets.filter(({ destroyed }) => !destroyed);
  }

  /** False when there is none. */
  breakAny(): boolean {
    const open = this.#sockets.filter(({ destroyed }) => !destroyed);
    const broken = open[this.#wires.fate.below(Math.max(1, open.length))];
    broken?.peer?.incoming.endWith('end', { isCut: true });
    broken?.incoming.endWith('end', { isCut: true });
    return broken !== undefined;
  }

  #connect(life: Life, path: string): ByteStream {
    const client = new SimulatedSocket(this.#wires, life, (socket) => socket.opened());
    const listener = this.#listeners.get(path);
    if (listener === undefined || !listener.life.isAlive) {
      client.incoming.endWith('end', { isCut: false });
      return client;
    }
    const server = new SimulatedSocket(this.#wires, listener.life, listener.accept);
    client.peer = server;
    server.peer = client;
    this.#sockets.push(client, server);
    for (const end of [server, client]) end.incoming.send('open');
    return client;
  }
}

/** Much is done meanwhile: time goes on when nothing else is left to do. */
const lateMsMax = 500;

export type ControlOdds = {
  /** It takes so long that whoever waits for it goes on by the older ring. */
  readonly late: number;
  readonly isOrdered: boolean;
  /** Of a command or report of a move. */
  readonly drop: number;
  readonly dropAnnouncement: number;
  readonly duplicate: number;
};

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
    this.#pipe = new Stream(wires, life, receive);
  }

  /** @param drop how likely it is lost; 0 where nothing would ever repeat it: it comes late, but comes */
  send(message: T, { drop }: { readonly drop: number }): void {
    const { scheduler, fate } = this.#wires;
    if (this.#odds.isOrdered) return this.#pipe.send(message);
    if (scheduler.isChaotic && fate.chance(drop)) return;
    if (scheduler.isChaotic && this.#odds.late > 0 && fate.chance(this.#odds.late)) {
      scheduler.after(this.#life, fate.below(lateMsMax), () => this.#receive(message));
    } else scheduler.soon(this.#life, () => this.#receive(message));
    if (scheduler.isChaotic && fate.chance(this.#odds.duplicate)) {
      scheduler.soon(this.#life, () => this.#receive(message));
    }
  }
}
