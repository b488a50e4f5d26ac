/** What a shard does with a batch of requests: what it serves it executes, and what it does not it says so of. */

import type { Operation } from '../kv/operation.ts';
import type { Outcome } from '../kv/outcome.ts';
import type { ShardFile } from '../sqlite/shard-file.ts';
import type { Request as OperationRequest } from '../sqlite/write-batch.ts';
import { type Answer, movedAnswer, packedFeed } from '../wire/answer-frame.ts';
import { isQuery, type Request, type ShardQuery } from '../wire/request-frame.ts';

/** Which slots are this shard's to answer for, right now. */
export type Served = {
  /** Of the ring that this shard has. */
  readonly epoch: () => number;
  /** @param epoch of the ring by which the request was sent here */
  readonly serves: (slot: number, epoch: number) => boolean;
  /** Whether every slot that is its own by the ring of this epoch is served. */
  readonly isWhole: (epoch: number) => boolean;
  readonly owns: (slot: number) => boolean;
  /** In the same step as the commit: no write may slip between what a move copies and what it remembers. */
  readonly onExecuted: (operation: Operation) => void;
};

/** What is not served is answered `moved`, one by one; the rest is one batch, and queries see it. */
export function executeServed(requests: readonly Request[], file: ShardFile, served: Served): readonly Answer[] {
  const batch: OperationRequest[] = [];
  const places = requests.map(({ operation, epoch, resend }) => {
    if (isQuery(operation) || !served.serves(operation.slot, epoch)) return undefined;
    return batch.push({ operation, resend }) - 1;
  });
  const outcomes = file.execute(batch);
  for (const { operation } of batch) served.onExecuted(operation);
  return requests.map(({ operation }, index) => {
    const place = places[index];
    if (place !== undefined) return outcomes[place] as Outcome;
    return isQuery(operation) ? answerOf(operation, file, served) : movedAnswer;
  });
}

function answerOf(query: ShardQuery, file: ShardFile, { epoch, isWhole, owns }: Served): Answer {
  if (query.kind === 'feed') return packedFeed({ ...file.feed(query.after, query.rowsMax), epoch: epoch() });
  return isWhole(query.epoch) ? file.list(query.query, owns) : movedAnswer;
}
