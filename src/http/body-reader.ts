/**
 * Reads the body of a request: bytes, whatever its type says. A body that is too large, or finds no room in the budget
 * of the process, is refused before it is read, as far as its length is known by then.
 */

import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { KvError } from '../kv/errors.ts';
import type { FailedOutcome } from '../kv/outcome.ts';
import { type BodyBudget, type BodyShare, noRoom, uncounted, uncountedBytesMax } from './body-budget.ts';
import { responseTo, sendContinue } from './http-server.ts';

/** The client is still sending, or waits to be told to. */
export class BodyRefused extends KvError {}

const unread = ({ code, detail }: FailedOutcome) => new BodyRefused(code, detail);

export type BodyReaderOptions = { readonly valueBytesMax: number; readonly budget: BodyBudget };

type Done = (error: Error | null, body?: Buffer) => void;

export function bodyReader({ valueBytesMax, budget }: BodyReaderOptions) {
  return (request: FastifyRequest, raw: IncomingMessage, done: Done): void => {
    const length = raw.headers['content-length'];
    const announced = length === undefined ? undefined : Number(length);
    const response = responseTo(raw);
    const isSmall = announced !== undefined && announced <= uncountedBytesMax;
    const body = new GrowingBody(announced, isSmall ? uncounted : budget.shareOf(response));
    const refusalOf = (bytes: number): BodyRefused | undefined => {
      if (bytes <= valueBytesMax) return undefined;
      // Asked only for what is large: Fastify makes an object of all options of the route.
      const bytesMax = request.routeOptions.bodyLimit ?? valueBytesMax;
      return bytes <= bytesMax ? undefined : tooLarge(bytesMax, valueBytesMax);
    };

    const refusal = refusalOf(announced ?? 0) ?? (body.hasRoom ? undefined : unread(noRoom(budget)));
    if (refusal !== undefined) return done(refusal);
    // Node tells HTTP/1.1 clients alone to wait, and leaves the answer to us.
    if (raw.headers.expect !== undefined && raw.httpVersion === '1.1') sendContinue(response);

    let isRead = false;
    const onEnd = () => {
      isRead = true;
      done(null, body.bytes);
    };
    const onError = (error: Error) => {
      if (!isRead) done(error);
    };
    const onData = (chunk: Buffer) => {
      const refusal = refusalOf(body.length + chunk.length) ?? (body.add(chunk) ? undefined : unread(noRoom(budget)));
      if (refusal === undefined) return;
      raw.off('data', onData).off('end', onEnd).off('error', onError);
      done(refusal);
    };
    raw.on('data', onData).on('end', onEnd).on('error', onError);
  };
}

const firstCapacity = 16 * 1024;
const noBytes = Buffer.alloc(0);

/**
 * Copies chunks as they come: a body in chunks of one byte, kept as they are, would take two hundred times its length.
 * It takes from the budget what it allocates; a length that was announced at once.
 */
class GrowingBody {
  readonly hasRoom: boolean;
  readonly #announced: number | undefined;
  readonly #share: BodyShare;
  #room = noBytes;
  #length = 0;

  constructor(announced: number | undefined, share: BodyShare) {
    this.#announced = announced;
    this.#share = share;
    this.hasRoom = announced === undefined || share.take(announced);
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): Buffer {
    return this.#room.subarray(0, this.#length);
  }

  /** False when there is no room. */
  add(chunk: Buffer): boolean {
    const length = this.#length + chunk.length;
    if (length === this.#announced && this.#length === 0) {
      // Most bodies come whole. Copied all the same: the chunk lies in memory that the parser uses again.
      this.#room = Buffer.from(chunk);
      this.#length = length;
      return true;
    }
    if (length > this.#room.length && !this.#grow(length)) return false;
    chunk.copy(this.#room, this.#length);
    this.#length = length;
    return true;
  }

  #grow(length: number): boolean {
    const capacity = this.#announced ?? Math.max(length, firstCapacity, 2 * this.#room.length);
    if (this.#announced === undefined && !this.#share.take(capacity - this.#room.length)) return false;
    const room = Buffer.allocUnsafeSlow(capacity);
    this.#room.copy(room, 0, 0, this.#length);
    this.#room = room;
    return true;
  }
}

function tooLarge(bytesMax: number, valueBytesMax: number): BodyRefused {
  return bytesMax === valueBytesMax
    ? new BodyRefused('value-too-large', `A value may have at most ${bytesMax} bytes.`)
    : new BodyRefused('batch-too-large', `A batch may have at most ${bytesMax} bytes.`);
}
