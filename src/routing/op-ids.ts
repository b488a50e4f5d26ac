/** The names by which shards know the writes of one router's life: see kv/op-id.ts. */

import { randomBytes } from 'node:crypto';
import { noOpId, type OpId, opIdBytes } from '../kv/op-id.ts';
import { isWrite, type Operation } from '../kv/operation.ts';
import { writeUInt53 } from '../kv/uint53.ts';

const sessionBytes = opIdBytes - 8;

export class OpIds {
  /** New for each router life: op ids of two lives never meet. */
  readonly #session: Buffer;
  #writesBegun = 0;

  /** @param session eight bytes that no other router's life has */
  constructor(session: Buffer = randomBytes(sessionBytes)) {
    this.#session = session;
  }

  /** Of an operation that is sent for the first time. An atomic one has as many as it has operations; this is the first. */
  next(operation: Operation): OpId {
    if (!isWrite(operation)) return noOpId;
    if (operation.kind === 'atomic') return this.#next(operation.operations.length);
    return operation.idempotencyKey?.opId ?? this.#next(1);
  }

  /** The first of so many that follow one another. */
  #next(count: number): OpId {
    const opId = Buffer.allocUnsafe(opIdBytes);
    this.#session.copy(opId);
    writeUInt53(opId, this.#writesBegun + 1, sessionBytes);
    this.#writesBegun += count;
    return opId;
  }
}
