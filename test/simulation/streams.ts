/**
 * What is on its way from one process to another. What goes through a stream arrives in order; control messages go
 * through one of their own or, where the network is hostile, each for itself: late, twice, out of order, or never.
 */

import type { Fate } from './fate.ts';
import type { Life, Scheduler } from './scheduler.ts';

export type Wires = { readonly scheduler: Scheduler; readonly fate: Fate };

/** What is on its way to one process, in order. */
export class Stream<T> {
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

/** Announcements, commands and reports of moves are repeated until they arrive; nothing else is. */
function dropOf({ type }: ControlMessage, { drop, dropAnnouncement }: ControlOdds): number {
  if (type === 'topology') return dropAnnouncement;
  return type.startsWith('move') ? drop : 0;
}

type ControlMessage = { readonly type: string };

/** From one process to another, over fork IPC. */
export class ControlChannel<T extends ControlMessage> {
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

  /** What nothing would ever repeat comes late, but comes. */
  send(message: T): void {
    const { scheduler, fate } = this.#wires;
    if (this.#odds.isOrdered) return this.#pipe.send(message);
    if (scheduler.isChaotic && fate.chance(dropOf(message, this.#odds))) return;
    if (scheduler.isChaotic && this.#odds.late > 0 && fate.chance(this.#odds.late)) {
      scheduler.after(this.#life, fate.below(lateMsMax), () => this.#receive(message));
    } else scheduler.soon(this.#life, () => this.#receive(message));
    if (scheduler.isChaotic && fate.chance(this.#odds.duplicate)) {
      scheduler.soon(this.#life, () => this.#receive(message));
    }
  }
}
