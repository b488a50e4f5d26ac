/**
 * A router's end of the socket to one shard. It keeps every request until it is answered: while the shard is
 * away requests wait here, and when it is back they are sent again. It never decides which shard is asked.
 *
 *            serveAt(path)            hello answered
 *   waiting ───────────────▶ connecting ───────────▶ serving
 *      ▲ ▲                       │                      │
 *      │ └──── socket closed ────┴──────────────────────┘
 *      └── wait()      giveUp() from anywhere ──▶ failed ── serveAt(path) ──▶ connecting
 *
 * A reconnect keeps each write's op id, so the shard can tell a resend from a new write. The shard forgets the
 * bytes of an older connection as soon as it reads the hello of a newer one.
 */

import { randomBytes } from 'node:crypto';
import { type HoldLimits, HoldQueue } from '../holding/hold-queue.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { ByteStream, Sockets } from '../ports/sockets.ts';
import { type Answer, answerOf, answerRequestId, answerSqliteMs } from '../wire/answer-frame.ts';
import { routerHelloFrame, shardHelloOf, WireError } from '../wire/frame.ts';
import { readFrames } from '../wire/frame-reader.ts';
import { FrameWriter } from '../wire/frame-writer.ts';
import { type Asked, encodeRequest, frameRefusalOf } from '../wire/request-frame.ts';
import { givenUp, overloaded, type Pending } from './pending.ts';

export type LinkOptions = {
  readonly clock: Clock;
  readonly sockets: Sockets;
  readonly hold: HoldLimits;
  readonly frameBytesMax: number;
};

export type LinkEvents = {
  /** The shard does not serve this slot (any more), and did not execute the request. */
  readonly onMoved: (pending: Pending) => void;
  /** The shard broke the protocol; the connection was dropped. */
  readonly onWireError: (error: WireError) => void;
};

/** What the router as a whole has seen; all its links share it. */
export type Seen = {
  /**
   * The highest lsn of any shard. Shards lift their own to it, so that lsns of different shards can be compared (a
   * Lamport clock): a write that was applied has a higher lsn than its sender had seen.
   */
  lsn: number;
  /** Of the ring. */
  epoch: number;
};

/** Before a lost connection is tried again. */
const reconnectDelayMs = 50;

const sessionBytes = 8;

type LinkState =
  | { readonly name: 'waiting'; readonly socketPath: string | undefined }
  | { readonly name: 'connecting'; readonly socketPath: string; readonly socket: ByteStream }
  | { readonly name: 'serving'; readonly socketPath: string; readonly socket: ByteStream; readonly writer: FrameWriter }
  | { readonly name: 'failed' };

export class ShardLink {
  readonly shard: number;
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  readonly #seen: Seen;
  /** Tells the shard which connections are of one router. */
  readonly #session = randomBytes(sessionBytes);
  /** Everything that is not answered, also while it is on its way. */
  readonly #held: HoldQueue<Pending>;
  /** The same, by the id of the frame that carries its answer. */
  readonly #byRequestId = new Map<number, Pending>();
  #state: LinkState = { name: 'waiting', socketPath: undefined };
  #reconnect: Timer | undefined;
  #nextRequestId = 1;
  #flushScheduled = false;

  constructor(shard: number, seen: Seen, options: LinkOptions, events: LinkEvents) {
    this.shard = shard;
    this.#seen = seen;
    this.#options = options;
    this.#events = events;
    this.#held = new HoldQueue(options.clock, options.hold, {
      bytesOf: ({ frameBytes }) => frameBytes,
      onOverdue: (pending) => {
        this.#byRequestId.delete(pending.requestId);
        const waited = `Shard ${this.shard} did not answer within ${options.hold.deadlineMs} ms.`;
        pending.settle(givenUp(pending, waited));
      },
    });
  }

  get state(): LinkState['name'] {
    return this.#state.name;
  }

  /** Requests that are not answered, also while they are on their way. */
  get held(): number {
    return this.#held.size;
  }

  /** Takes the request on, or refuses it at once. */
  request(pending: Pending): void {
    if (this.#state.name === 'failed')
      return pending.settle(givenUp(pending, `Shard ${this.shard} has failed and was given up.`));
    const refusal = frameRefusalOf(pending.operation, pending.frameBytes, this.#options.frameBytesMax);
    if (refusal !== undefined) return pending.settle(refusal);
    if (!this.#held.add(pending)) {
      const detail = `${this.#held.size} requests are waiting for shard ${this.shard}. Send fewer at once.`;
      return pending.settle(overloaded(pending, detail));
    }
    pending.requestId = this.#newRequestId();
    this.#byRequestId.set(pending.requestId, pending);
    if (this.#state.name === 'serving') this.#send(this.#state.writer, pending);
  }

  /** Gives back what is not answered yet, and is to be asked of another shard now. */
  takeBack(hasMoved: (operation: Asked) => boolean): Pending[] {
    const taken = this.#held.take(({ operation }) => hasMoved(operation));
    for (const { requestId } of taken) this.#byRequestId.delete(requestId);
    return taken;
  }

  /** The shard serves at this socket. Idempotent. */
  serveAt(socketPath: string): void {
    if ('socketPath' in this.#state && this.#state.socketPath === socketPath) return;
    this.#dropSocket();
    this.#connect(socketPath);
  }

  /** The shard is away but expected back: requests wait. Idempotent. */
  wait(): void {
    this.#dropSocket();
    this.#state = { name: 'waiting', socketPath: undefined };
  }

  /** The shard will not be back by itself: whatever waits for it is refused. */
  giveUp(): void {
    this.#dropSocket();
    this.#state = { name: 'failed' };
    this.#refuseAll(`Shard ${this.shard} has failed and was given up.`);
  }

  stop(): void {
    this.#dropSocket();
    this.#held.stop();
    this.#state = { name: 'waiting', socketPath: undefined };
    this.#refuseAll('The service is stopping.');
  }

  #newRequestId(): number {
    const requestId = this.#nextRequestId;
    this.#nextRequestId = (requestId + 1) % 2 ** 32;
    return requestId;
  }

  #send(writer: FrameWriter, pending: Pending): void {
    const { operation, frameBytes, opId, requestId } = pending;
    const resent = pending.openSends > 0;
    if (!resent) pending.seenLsn = this.#seen.lsn;
    pending.openSends++;
    if (pending.timing !== undefined) pending.sentAtMs = this.#options.clock.nowMs();
    const { room, at } = writer.reserve(frameBytes);
    const resend = { opId, resent, seenLsn: pending.seenLsn };
    encodeRequest(room, at, { requestId, epoch: this.#seen.epoch, operation, resend });
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    this.#options.clock.soon(() => this.#flush());
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (this.#state.name === 'serving') this.#state.writer.flush();
  }

  #connect(socketPath: string): void {
    const socket = this.#options.sockets.connect(socketPath);
    this.#state = { name: 'connecting', socketPath, socket };
    readFrames(socket, {
      frameBytesMax: this.#options.frameBytesMax,
      onFrame: (frame) => this.#onFrame(socket, frame),
      onWireError: this.#events.onWireError,
    });
    socket.on('connect', () => socket.write(routerHelloFrame(this.#session)));
    socket.on('close', () => {
      if (!('socket' in this.#state) || this.#state.socket !== socket) return;
      this.#state = { name: 'waiting', socketPath };
      this.#reconnect = this.#options.clock.after(reconnectDelayMs, () => this.#connect(socketPath));
    });
  }

  #onFrame(socket: ByteStream, frame: Buffer): void {
    const state = this.#state;
    if (!('socket' in state) || state.socket !== socket) return;
    if (state.name === 'connecting') return this.#onHello(state.socketPath, socket, frame);

    const requestId = answerRequestId(frame);
    const pending = this.#byRequestId.get(requestId);
    // Given up already: the deadline passed before the answer came.
    if (pending === undefined) return;
    const answer = answerOf(frame);
    this.#byRequestId.delete(requestId);
    this.#held.remove(pending);
    if (answer.kind === 'moved') {
      pending.openSends--;
      return this.#events.onMoved(pending);
    }
    const lsn = lsnOf(answer);
    if (lsn > this.#seen.lsn) this.#seen.lsn = lsn;
    if (pending.timing !== undefined) {
      const sqliteMs = answerSqliteMs(frame);
      const wireMs = this.#options.clock.nowMs() - pending.sentAtMs - sqliteMs;
      Object.assign(pending.timing, { executor: `shard-${this.shard}`, sqliteMs, wireMs });
    }
    pending.settle(answer);
  }

  #onHello(socketPath: string, socket: ByteStream, frame: Buffer): void {
    const hello = shardHelloOf(frame);
    if (hello.shard !== this.shard) throw new WireError(`shard ${hello.shard} answers in place of shard ${this.shard}`);
    this.#seen.lsn = Math.max(this.#seen.lsn, hello.lsn);
    const writer = new FrameWriter(socket);
    this.#state = { name: 'serving', socketPath, socket, writer };
    for (const pending of this.#held) this.#send(writer, pending);
  }

  /** Nothing is connected, and nothing will be by itself. */
  #dropSocket(): void {
    this.#reconnect?.cancel();
    const state = this.#state;
    if (!('socket' in state)) return;
    this.#state = { name: 'waiting', socketPath: undefined };
    state.socket.destroy();
  }

  #refuseAll(why: string): void {
    for (const pending of this.takeBack(() => true)) pending.settle(givenUp(pending, why));
  }
}

/** The highest lsn that an answer tells of. */
function lsnOf(answer: Answer): number {
  if ('version' in answer) return answer.version;
  return answer.kind === 'batch' ? Math.max(...answer.outcomes.map(lsnOf)) : 0;
}
