/**
 * A shard's end of the socket to the routers. Whatever arrives in one event-loop turn, from all routers, is
 * executed as one batch, and each connection's answers leave in one write. It knows no SQL and no slots.
 */

import { isWrite } from '../kv/operation.ts';
import type { Clock } from '../ports/clock.ts';
import type { ByteStream, Listener, Sockets } from '../ports/sockets.ts';
import { type Answer, answerFrameBytes, encodeAnswer } from './answer-frame.ts';
import { routerHelloOf, shardHelloFrame, type WireError } from './frame.ts';
import { readFrames } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import { isQuery, type Request, requestOf } from './request-frame.ts';

export type ShardServerOptions = {
  readonly clock: Clock;
  readonly sockets: Sockets;
  readonly shard: number;
  readonly frameBytesMax: number;
  /** The shard's current commit sequence number, told to each router that connects. */
  readonly lsn: () => number;
  /** Executes a batch and returns one outcome a request, in order. What it throws ends the process. */
  readonly execute: (requests: readonly Request[]) => readonly Answer[];
  readonly onBatch: (batch: AnsweredBatch) => void;
  readonly onWireError: (error: WireError) => void;
};

export type AnsweredBatch = {
  readonly reads: number;
  readonly writes: number;
  /** From the arrival of its first request. */
  readonly durationMs: number;
};

/**
 * Operations after which what arrived in one turn makes another batch. What one commit leaves in the ledger has to fit
 * into a frame of the feed.
 */
export const turnOperationsMax = 4_096;

/** A router that does not read its answers is not read either, beyond this much. */
const unsentBytesMax = 16 * 1024 * 1024;

type Connection = {
  readonly socket: ByteStream;
  readonly writer: FrameWriter;
  /** Hex; set by the hello. */
  session: string | undefined;
};

type Arrived = { readonly connection: Connection; readonly request: Request };

export class ShardServer {
  readonly #options: ShardServerOptions;
  readonly #connections = new Set<Connection>();
  #turn: Arrived[] = [];
  #turnBeganAtMs = 0;
  #isHeld = false;
  #listener: Listener | undefined;

  constructor(options: ShardServerOptions) {
    this.#options = options;
  }

  async listen(socketPath: string): Promise<void> {
    this.#listener = await this.#options.sockets.listen(socketPath, (socket) => this.#accept(socket));
  }

  /** What arrives waits, until `goOn`. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Idempotent. */
  goOn(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#runTurn();
  }

  /** Executes what has arrived, reads no more, and closes each connection once its answers have left. Idempotent. */
  stop(): Promise<void> {
    this.#isHeld = false;
    this.#runTurn();
    for (const { socket } of this.#connections) {
      socket.pause();
      socket.destroySoon();
    }
    return new Promise((resolve) => {
      if (this.#listener === undefined) resolve();
      else this.#listener.close(resolve);
    });
  }

  #accept(socket: ByteStream): void {
    const connection: Connection = { socket, writer: new FrameWriter(socket), session: undefined };
    this.#connections.add(connection);
    readFrames(socket, {
      frameBytesMax: this.#options.frameBytesMax,
      onFrame: (frame) => this.#onFrame(connection, frame),
      onWireError: this.#options.onWireError,
    });
    socket.on('drain', () => socket.resume());
    socket.on('close', () => this.#connections.delete(connection));
  }

  #onFrame(connection: Connection, frame: Buffer): void {
    if (connection.socket.destroyed) return;
    if (connection.session === undefined) return this.#onHello(connection, frame);
    if (this.#turn.length === 0) {
      this.#turnBeganAtMs = this.#options.clock.nowMs();
      this.#options.clock.soon(() => this.#runTurn());
    }
    this.#turn.push({ connection, request: requestOf(frame) });
  }

  /** A router that connects anew will resend: what its older connection still carries must not run any more. */
  #onHello(connection: Connection, frame: Buffer): void {
    const session = routerHelloOf(frame).session.toString('hex');
    for (const other of this.#connections) if (other.session === session) other.socket.destroy();
    connection.session = session;
    const { shard, lsn } = this.#options;
    connection.socket.write(shardHelloFrame({ shard, lsn: lsn() }));
  }

  #runTurn(): void {
    if (this.#isHeld) return;
    const turn = this.#turn.filter(({ connection }) => !connection.socket.destroyed);
    this.#turn = [];
    for (const batch of inBatches(turn)) this.#runBatch(batch);
  }

  #runBatch(batch: readonly Arrived[]): void {
    const beganAtMs = this.#options.clock.nowMs();
    const answers = this.#options.execute(batch.map(({ request }) => request));
    const sqliteMicros = Math.round((this.#options.clock.nowMs() - beganAtMs) * 1_000);
    const writers = new Set<Connection>();
    let writes = 0;
    for (const [index, { connection, request }] of batch.entries()) {
      const answer = answers[index] as Answer;
      const { room, at } = connection.writer.reserve(answerFrameBytes(answer));
      encodeAnswer(room, at, request.requestId, answer, sqliteMicros);
      writers.add(connection);
      if (!isQuery(request.operation) && isWrite(request.operation)) writes++;
    }
    for (const { writer, socket } of writers) {
      writer.flush();
      if (socket.writableLength > unsentBytesMax) socket.pause();
    }
    const durationMs = this.#options.clock.nowMs() - this.#turnBeganAtMs;
    this.#options.onBatch({ reads: batch.length - writes, writes, durationMs });
  }
}

function* inBatches(turn: readonly Arrived[]): Generator<readonly Arrived[]> {
  let [first, operations] = [0, 0];
  for (const [index, { request }] of turn.entries()) {
    operations += request.operation.kind === 'atomic' ? request.operation.operations.length : 1;
    if (operations < turnOperationsMax) continue;
    yield turn.slice(first, index + 1);
    [first, operations] = [index + 1, 0];
  }
  if (first < turn.length) yield first === 0 ? turn : turn.slice(first);
}
