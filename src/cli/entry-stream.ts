/**
 * Reads every entry of a running service as lines of JSON, in the order of their keys' bytes. When a stream breaks off
 * or hangs, because a router or a shard has died, another one begins after the last whole line.
 */

import { reasonOf } from '../client/sender.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { entryOfLine } from './import-line.ts';
import { linesOf } from './line-reader.ts';
import { failureText, isPassing } from './next-step.ts';
import { Patience } from './patience.ts';
import { type Problem, problemOf, problemText, type RestApi, unexpectedText } from './rest-client.ts';

/** A page takes a fraction of a second: a connection that is silent for this long has lost its other end. */
const silenceMsMax = 30_000;

/**
 * Yields lines without their line feeds.
 * @throws CliFailure when the service refuses, or gives nothing until the deadline
 */
export async function* entriesFrom(api: RestApi, prefix: string): AsyncGenerator<Buffer> {
  const patience = new Patience(api.deadlineMs);
  let last: Buffer | undefined;
  for (let attempt = 1; ; attempt++) {
    try {
      for await (const { bytes } of linesOf(listing(api, prefix, last), { number: 0, endOffset: 0 })) {
        last = bytes as Buffer;
        attempt = 0;
        patience.answered();
        yield last;
      }
      return;
    } catch (error) {
      if (error instanceof CliFailure) throw error;
      await patience.beforeAsking(Math.max(1, attempt), reasonOf(error));
    }
  }
}

/** @throws CliFailure when another try cannot help, any other error when it may */
async function* listing(api: RestApi, prefix: string, after: Buffer | undefined): AsyncGenerator<Uint8Array> {
  const giveUp = new AbortController();
  const silenceMs = Math.min(silenceMsMax, api.deadlineMs);
  const inTime = async <T>(promise: Promise<T>): Promise<T> => {
    const timer = setTimeout(() => giveUp.abort(new Error('the connection gives nothing')), silenceMs);
    return promise.finally(() => clearTimeout(timer));
  };
  const answer = await inTime(
    api.fetch(`/v1/kv?${queryOf(prefix, after)}`, {
      headers: { accept: 'application/x-ndjson' },
      signal: giveUp.signal,
    }),
  );
  if (!answer.ok) throw refusal(await inTime(problemOf(answer)));
  if (!answer.headers.get('content-type')?.startsWith('application/x-ndjson')) {
    throw new CliFailure(exitCodes.failed, unexpectedText('It is no list of entries.'));
  }
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  try {
    // Only reading is timed: the consumer of the lines may be slow.
    for (let part = await inTime(reader.read()); !part.done; part = await inTime(reader.read())) yield part.value;
  } finally {
    giveUp.abort();
  }
}

function queryOf(prefix: string, after: Buffer | undefined): URLSearchParams {
  const query = new URLSearchParams({ values: 'true', 'key-encoding': 'base64url' });
  if (prefix !== '') query.set('prefix', Buffer.from(prefix).toString('base64url'));
  if (after !== undefined) query.set('start-after', entryOfLine(after).key.toString('base64url'));
  return query;
}

function refusal(problem: Problem): Error {
  const message = problemText(problem);
  return isPassing(problem.code) ? new Error(message) : new CliFailure(exitCodes.failed, failureText(problem));
}
