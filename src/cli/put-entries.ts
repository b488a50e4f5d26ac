/** Puts entries through the REST API: as one batch, or by itself an entry that is too large for a batch. */

import { reasonOf } from '../client/sender.ts';
import { urlOfKey } from '../http/key-in-url.ts';
import { batchBytesMax } from '../kv/operation.ts';
import { CliFailure, exitCodes } from './exit.ts';
import type { Entry } from './import-line.ts';
import { type Problem, problemOf, type RestApi, unexpectedText } from './rest-client.ts';

export type Put = {
  readonly entry: Entry;
  /** The entry as a line of a batch. */
  readonly batchLine: string;
};

export type PutResult = { readonly kind: 'created' | 'replaced' } | ({ readonly kind: 'failed' } & Problem);

/** A request without an answer for this long is given up: its connection hangs. */
const answerDeadlineMsMax = 30_000;

/**
 * @returns one result a put, or `one-is-refused` when the service refused the whole batch and did nothing
 */
export async function putEntries(api: RestApi, puts: readonly Put[]): Promise<readonly PutResult[] | 'one-is-refused'> {
  const [first] = puts;
  try {
    if (first !== undefined && puts.length === 1 && Buffer.byteLength(first.batchLine) > batchBytesMax) {
      return [await putAlone(api, first.entry)];
    }
    const answer = await ask(api, '/v1/batch', {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: puts.map(({ batchLine }) => batchLine).join(''),
    });
    if (answer.ok) return resultsIn(await answer.text(), puts.length);
    const failure = await failureOf(answer);
    return puts.length > 1 && answer.status < 500 && answer.status !== 408 ? 'one-is-refused' : puts.map(() => failure);
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    return puts.map(() => connectionLost(error));
  }
}

async function putAlone(api: RestApi, { key, value, contentType, expiresAt }: Entry): Promise<PutResult> {
  const path = `/v1/kv/${urlOfKey(key)}`;
  const target = expiresAt === undefined ? path : `${path}${path.includes('?') ? '&' : '?'}expires-at=${expiresAt}`;
  const headers = contentType === undefined ? {} : { 'content-type': contentType };
  const answer = await ask(api, target, { method: 'PUT', headers, body: value });
  if (!answer.ok) return failureOf(answer);
  await answer.arrayBuffer();
  return { kind: answer.status === 201 ? 'created' : 'replaced' };
}

function ask(api: RestApi, path: string, init: RequestInit): Promise<Response> {
  return api.fetch(path, { ...init, signal: AbortSignal.timeout(Math.min(answerDeadlineMsMax, api.deadlineMs)) });
}

async function failureOf(answer: Response): Promise<PutResult> {
  const { code, detail } = await problemOf(answer);
  return { kind: 'failed', code, detail: withoutIndex(detail) };
}

/** @throws CliFailure for what no Shardlite answers */
function resultsIn(text: string, count: number): PutResult[] {
  const lines = text.trimEnd().split('\n');
  try {
    if (lines.length === count) return lines.map(resultOfLine);
  } catch {
    // It is no JSON.
  }
  throw new CliFailure(exitCodes.failed, unexpectedText('It does not say what became of each entry.'));
}

function resultOfLine(line: string): PutResult {
  const { status, code, detail } = JSON.parse(line) as Problem & { status: number };
  if (status === 201) return { kind: 'created' };
  return status === 204 ? { kind: 'replaced' } : { kind: 'failed', code, detail: withoutIndex(detail) };
}

/** Removes the operation's number within its batch: whoever imports a file knows lines alone. */
function withoutIndex(detail: string): string {
  return detail.replace(/^Operation \d+: (.)/, (_, first: string) => first.toUpperCase());
}

/** Treated like an answer of the service that may be tried again, since a put may be sent twice. */
function connectionLost(error: unknown): PutResult {
  return { kind: 'failed', code: 'no-answer', detail: `The service did not answer: ${reasonOf(error)}.` };
}
