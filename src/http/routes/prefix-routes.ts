/** `DELETE /v1/kv?prefix=`: many keys at once, as a stream of lines that tell how far it is. */

import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { KvError } from '../../kv/errors.ts';
import type { Admission } from '../admission.ts';
import { bodyErrors, parameterErrors, type RouteDoc, storeErrors } from '../description/route-doc.ts';
import { errorStatus } from '../error-status.ts';
import { type DeletionStep, deletePrefix } from '../prefix-deletion.ts';
import { sendProblem } from '../problem.ts';
import { cursorOf, positionOfCursor, prefixOf } from '../request/listing-parameters.ts';
import { oneOfTexts, parametersOf } from '../request/parameters.ts';
import { listPath, ndjsonContentType } from './list-routes.ts';

const allowed = ['prefix', 'key-encoding', 'all', 'cursor'] as const;

const deleteKeys: RouteDoc = {
  id: 'deleteKeys',
  group: 'Many keys',
  summary: 'Delete all keys with a prefix',
  description:
    'One line per step, with the number of keys deleted so far; the last line has `next: null`. A key that is written ' +
    'after it was listed stays. If the answer ends without that line, pass the last `next` as `cursor` to continue; a ' +
    'line with a `code` says why it ended.',
  query: allowed,
  answers: { 200: 'deletion' },
  errors: [
    ...parameterErrors,
    ...bodyErrors,
    ...storeErrors,
    'origin-not-allowed',
    'condition-not-met',
    'outcome-unknown',
    'disk-full',
  ],
  example: "curl -X DELETE '{origin}/v1/kv?prefix=old/'",
};

export function registerPrefixRoutes(app: FastifyInstance, admission: Admission): void {
  let isClosing = false;
  app.addHook('preClose', async () => {
    isClosing = true;
  });

  app.delete(listPath, { schema: { doc: deleteKeys } }, async (request, reply) => {
    const parameters = parametersOf(request.raw.url as string, allowed);
    const prefix = prefixOf(parameters);
    checkIsMeant(prefix, oneOfTexts('all', parameters.all, ['true', 'false']) === 'true');
    const after = positionOfCursor(parameters.cursor);
    checkUnconditional(request.headers);
    const store = admission.storeToReadAndWrite(request);
    const steps = deletePrefix(store, prefix, after);
    const first = await steps.next();
    if (first.done) throw new TypeError('a deletion has at least one step');
    const { failure } = first.value;
    if (failure !== undefined) return sendProblem(reply, failure.code, failure.detail);
    // Whoever drains does not wait for millions of keys: the client goes on with whoever comes next.
    const isEnding = () => isClosing || app.retirement.isUnderWay;
    return reply.type(ndjsonContentType).send(Readable.from(linesOf(first.value, steps, isEnding)));
  });
}

async function* linesOf(
  first: DeletionStep,
  others: AsyncGenerator<DeletionStep, void, undefined>,
  isEnding: () => boolean,
): AsyncGenerator<string> {
  yield lineOf(first);
  while (!isEnding()) {
    const step = await others.next();
    if (step.done) return;
    yield lineOf(step.value);
  }
}

function lineOf({ deleted, kept, next, failure }: DeletionStep): string {
  const problem = failure && { status: errorStatus[failure.code].status, code: failure.code, detail: failure.detail };
  return `${JSON.stringify({ deleted, kept, next: next === undefined ? null : cursorOf(next), ...problem })}\n`;
}

/** @throws KvError parameter-invalid */
function checkIsMeant(prefix: Buffer, all: boolean): void {
  if (all && prefix.length > 0) throw new KvError('parameter-invalid', 'Use all=true without a prefix.');
  if (all || prefix.length > 0) return;
  throw new KvError(
    'parameter-invalid',
    'Give the prefix of the keys to delete. To delete every key, use all=true without a prefix.',
  );
}

/** @throws KvError condition-not-met */
function checkUnconditional(headers: { readonly [name: string]: unknown }): void {
  if (headers['if-match'] === undefined && headers['if-none-match'] === undefined) return;
  throw new KvError('condition-not-met', 'Several keys have no common entity tag, so a condition cannot hold.');
}
