/** A request that a router has taken on and not answered yet, wherever it waits: in a link, or for a new ring. */

import type { OpId } from '../kv/op-id.ts';
import { isWrite } from '../kv/operation.ts';
import type { FailedOutcome } from '../kv/outcome.ts';
import type { Timing } from '../kv/store.ts';
import type { Answer } from '../wire/answer-frame.ts';
import { type Asked, isQuery } from '../wire/request-frame.ts';

export type Pending = {
  readonly operation: Asked;
  /** What it takes on the wire. */
  readonly frameBytes: number;
  readonly opId: OpId;
  readonly startedAtMs: number;
  /** Called exactly once. */
  readonly settle: (answer: Answer) => void;
  /** How many times it was sent to a shard that has not said that it did nothing: each may have been executed. */
  openSends: number;
  /** The highest lsn seen of any shard when it was first sent; a resend asks the ledger from there on. */
  seenLsn: number;
  /** Of the frames that carry it and its answer; set by the link that holds it. */
  requestId: number;
  /** When it was sent last. */
  sentAtMs: number;
  readonly timing: Timing | undefined;
};

/** What a client is told when nobody will wait any longer. */
export function givenUp(pending: Pending, why: string): FailedOutcome {
  if (!mayHaveRun(pending)) return { kind: 'failed', code: 'shard-unavailable', detail: why };
  return { kind: 'failed', code: 'outcome-unknown', detail: `${why} The write may or may not have been applied.` };
}

/** What a client is told when too many wait already; also of a write that waits for the second time. */
export function overloaded(pending: Pending, why: string): FailedOutcome {
  return mayHaveRun(pending) ? givenUp(pending, why) : { kind: 'failed', code: 'overloaded', detail: why };
}

function mayHaveRun({ operation, openSends }: Pending): boolean {
  return openSends > 0 && !isQuery(operation) && isWrite(operation);
}
