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
import { connect, type Socket } from 'node:net';
import { type FailedOutcome, isWrite, type Operation, type OpId, type Outcome, opIdBytes } from '../kv/store.ts';
import {
  answerRequestId,
  encodeRequest,
  noResend,
  outcomeOf,
  requestFrameBytes,
  routerHelloFrame,
  shardHelloOf,
  WireError,
  writeUInt53,
} from './frame.ts';
import { readFrames } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';

export type LinkLimits = {
  /** How long a request may wait for its answer, whatever happens to the shard meanwhile. */
  readonly holdDeadlineMs: number;
  /** Bounds on what waits for one shard; beyond them requests are refused as `overloaded`. */
  readonly pendingMax: number;
  readonly pendingBytesMax: number;
  readonly frameBytesMax: number;
};

export type LinkEvents = {
  /** One request was answered or given up, this long after it came. */
  readonly onSettled: (durationMs: number) => void;
  /** The shard broke the protocol; the connection was dropped. */
  readonly onWireError: (error: WireError) => void;
};

/** How often overdue requests are looked for, and a lost connection is tried again. */
const sweepIntervalMs = 50;

const sessionBytes = opIdBytes - 8;

type Pending = {
  readonly operation: Operation;
  readonly epoch: number;
  readonly opId: OpId;
  /** The lsn seen when it was first sent; a resend asks the ledger from there on. */
  seenLsn: number;
  readonly startedAtMs: number;
  readonly settle: (outcome: Outcome) => void;
  /** Whether any connection may have carried it. */
  sent: boolean;
};

type LinkState =
  | { readonly name: 'waiting'; readonly socketPath: string | undefined }
  | { readonly name: 'connecting'; readonly socketPath: string; readonly socket: Socket }
  | { readonly name: 'serving'; readonly socketPath: string; readonly socket: Socket; readonly writer: FrameWriter }
  | { readonly name: 'failed' };

export class ShardLink {
  readonly shard: number;
  readonly #limits: LinkLimits;
  readonly #events: LinkEvents;
  /** New for each router life: op ids of two lives never meet. */
  readonly #session = randomBytes(sessionBytes);
  /** In order of arrival, which is also the order of their deadlines. */
  readonly #pending = new Map<number, Pending>();
  readonly #sweep: NodeJS.Timeout;
  #state: LinkState = { name: 'waiting', socketPath: undefined };
  #pendingBytes = 0;
  #nextRequestId = 1;
  #writesBegun = 0;
  #seenLsn = 0;
  #flushScheduled = false;

  constructor(shard: number, limits: LinkLimits, events: LinkEvents) {
    this.shard = shard;
    this.#limits = limits;
    this.#events = events;
    this.#sweep = setInterval(() => this.#sweepOnce(), sweepIntervalMs);
  }

  get state(): LinkState['name'] {
    return this.#state.name;
  }

  /** `settle` is called exactly once, never before this returns unless the request is refused. */
  request(epoch: number, operation: Operation, settle: (outcome: Outcome) => void): void {
    if (this.#state.name === 'failed') return settle(unavailable(`Shard ${this.shard} has failed and was given up.`));
    const frameBytes = requestFrameBytes(operation);
    if (
      this.#pending.size >= this.#limits.pendingMax ||
      this.#pendingBytes + frameBytes > this.#limits.pendingBytesMax
    ) {
      const detail = `${this.#pending.size} requests are waiting for shard ${this.shard}: send fewer at once.`;
      return settle({ kind: 'failed', code: 'overloaded', detail });
    }

    const requestId = this.#newRequestId();
    const pending: Pending = {
      operation,
      epoch,
      opId: isWrite(operation) ? this.#newOpId() : noResend.opId,
      seenLsn: 0,
      startedAtMs: performance.now(),
      settle,
      sent: false,
    };
    this.#pending.set(requestId, pending);
    this.#pendingBytes += frameBytes;
    if (this.#state.name === 'serving') this.#send(this.#state.writer, requestId, pending);
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
    clearInterval(this.#sweep);
    this.#dropSocket();
    this.#state = { name: 'waiting', socketPath: undefined };
    this.#refuseAll('The service is stopping.');
  }

  #newRequestId(): number {
    const requestId = this.#nextRequestId;
    this.#nextRequestId = (requestId + 1) % 2 ** 32;
    return requestId;
  }

  #newOpId(): OpId {
    const opId = Buffer.allocUnsafe(opIdBytes);
    this.#session.copy(opId);
    writeUInt53(opId, ++this.#writesBegun, sessionBytes);
    return opId;
  }

  #send(writer: FrameWriter, requestId: number, pending: Pending): void {
    const { operation, epoch, opId, sent } = pending;
    if (!sent) pending.seenLsn = this.#seenLsn;
    pending.sent = true;
    const { room, at } = writer.reserve(requestFrameBytes(operation));
    encodeRequest(room, at, { requestId, epoch, operation, resend: { opId, resent: sent, seenLsn: pending.seenLsn } });
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (this.#state.name === 'serving') this.#state.writer.flush();
  }

  #connect(socketPath: string): void {
    const socket = connect(socketPath);
    this.#state = { name: 'connecting', socketPath, socket };
    readFrames(socket, {
      frameBytesMax: this.#limits.frameBytesMax,
      onFrame: (frame) => this.#onFrame(socket, frame),
      onWireError: this.#events.onWireError,
    });
    socket.on('connect', () => socket.write(routerHelloFrame(this.#session)));
    socket.on('close', () => {
      if ('socket' in this.#state && this.#state.socket === socket) this.#state = { name: 'waiting', socketPath };
    });
  }

  #onFrame(socket: Socket, frame: Buffer): void {
    const state = this.#state;
    if (!('socket' in state) || state.socket !== socket) return;
    if (state.name === 'connecting') return this.#onHello(state.socketPath, socket, frame);

    const requestId = answerRequestId(frame);
    const pending = this.#pending.get(requestId);
    // Given up already: the deadline passed before the answer came.
    if (pending === undefined) return;
    const outcome = outcomeOf(frame);
    if ('version' in outcome && outcome.version > this.#seenLsn) this.#seenLsn = outcome.version;
    this.#settle(requestId, pending, outcome);
  }

  #onHello(socketPath: string, socket: Socket, frame: Buffer): void {
    const hello = shardHelloOf(frame);
    if (hello.shard !== this.shard) throw new WireError(`shard ${hello.shard} answers in place of shard ${this.shard}`);
    this.#seenLsn = Math.max(this.#seenLsn, hello.lsn);
    const writer = new FrameWriter(socket);
    this.#state = { name: 'serving', socketPath, socket, writer };
    for (const [requestId, pending] of this.#pending) this.#send(writer, requestId, pending);
  }

  #dropSocket(): void {
    const state = this.#state;
    if (!('socket' in state)) return;
    this.#state = { name: 'waiting', socketPath: undefined };
    state.socket.destroy();
  }

  #sweepOnce(): void {
    const state = this.#state;
    if (state.name === 'waiting' && state.socketPath !== undefined) this.#connect(state.socketPath);

    const overdueBefore = performance.now() - this.#limits.holdDeadlineMs;
    for (const [requestId, pending] of this.#pending) {
      if (pending.startedAtMs > overdueBefore) break;
      const waited = `Shard ${this.shard} did not answer within ${this.#limits.holdDeadlineMs} ms.`;
      this.#settle(requestId, pending, givenUp(pending, waited));
    }
  }

  #refuseAll(why: string): void {
    for (const [requestId, pending] of this.#pending) this.#settle(requestId, pending, givenUp(pending, why));
  }

  #settle(requestId: number, pending: Pending, outcome: Outcome): void {
    this.#pending.delete(requestId);
    this.#pendingBytes -= requestFrameBytes(pending.operation);
    this.#events.onSettled(performance.now() - pending.startedAtMs);
    pending.settle(outcome);
  }
}

function givenUp({ operation, sent }: Pending, why: string): FailedOutcome {
  if (!sent || !isWrite(operation)) return unavailable(why);
  return { kind: 'failed', code: 'outcome-unknown', detail: `${why} The write may or may not have been applied.` };
}

function unavailable(detail: string): FailedOutcome {
  return { kind: 'failed', code: 'shard-unavailable', detail };
}
