/** `POST /v1/batch`: many operations in one request: each by itself, or all of them in one step. */

import type { FastifyInstance, FastifyReply } from 'fastify';
import type { KeyStore } from '../../access/restricted-store.ts';
import { type ErrorCode, KvError } from '../../kv/errors.ts';
import { batchBytesMax, type KeyOperation } from '../../kv/operation.ts';
import type { KeyOutcome } from '../../kv/outcome.ts';
import { tooMuchRead } from '../../kv/refusals.ts';
import type { StoreFor } from '../admission.ts';
import { noRoom, shareOfAnswer } from '../body-budget.ts';
import { keyErrors, type RouteDoc, writeErrors } from '../description/route-doc.ts';
import { errorStatus } from '../error-status.ts';
import { sendProblem } from '../problem.ts';
import { type BatchFormat, type BatchRequest, batchOf } from '../request/batch-request.ts';
import { bodyOf } from '../request/body.ts';
import { nameIn } from '../request/idempotency.ts';
import { describedFields, expiryField, valueFields } from '../request/json-fields.ts';
import { oneOfTexts, parametersOf } from '../request/parameters.ts';
import { failedConditionDetail } from '../value-answer.ts';
import { ndjsonContentType } from './list-routes.ts';

/** Operations that read are under way so many at a time: their values lie in memory together. */
const readsAtATime = 16;

const batchParameters = ['atomic'] as const;

const runBatch: RouteDoc = {
  id: 'runBatch',
  group: 'Many keys',
  summary: 'Run many operations in one request',
  description:
    'If one operation is malformed, the whole batch is refused before anything is applied, and the answer names that ' +
    'operation. The codes below apply to the whole batch and to single results.',
  query: batchParameters,
  headers: ['Idempotency-Key'],
  body: 'batch',
  answers: { 200: 'results' },
  errors: [
    ...keyErrors,
    ...writeErrors,
    'batch-malformed',
    'batch-too-large',
    'batch-type-unsupported',
    'batch-slots-differ',
    'batch-refused',
    'counter-not-a-number',
    'counter-overflow',
    'key-not-found',
  ],
  example:
    "curl {origin}/v1/batch -H 'content-type: application/json' " +
    `-d '{"operations": [{"op": "put", "key": "city", "value": "Paris"}, {"op": "get", "key": "city"}]}'`,
};

export function registerBatchRoutes(app: FastifyInstance, storeFor: StoreFor, valueBytesMax: number): void {
  app.post('/v1/batch', { bodyLimit: batchBytesMax, schema: { doc: runBatch } }, async (request, reply) => {
    const parameters = parametersOf(request.raw.url as string, batchParameters);
    const format = formatOf(request.headers['content-type']);
    const batch = batchOf(bodyOf(request), format, {
      valueBytesMax,
      name: nameIn(request.headers),
      isAtomic: oneOfTexts('atomic', parameters.atomic, ['true', 'false']) === 'true',
    });
    const store = storeFor(request);
    const outcomes = batch.isAtomic ? await atomically(store, batch) : await oneByOne(store, batch);
    if ('failure' in outcomes) return sendProblem(reply, outcomes.failure.code, outcomes.failure.detail);
    return sendResults(reply, withRoom(reply, outcomes.results).map(resultOf), format);
  });
}

/**
 * Asked for by name, because a browser sends a form or a text of any page without asking first.
 * @throws KvError batch-type-unsupported
 */
function formatOf(contentType: string | undefined): BatchFormat {
  const mediaType = contentType?.split(';', 1)[0]?.trim().toLowerCase();
  if (mediaType === 'application/json') return 'json';
  if (mediaType === ndjsonContentType) return 'ndjson';
  throw new KvError(
    'batch-type-unsupported',
    `The Content-Type of a batch is application/json, or ${ndjsonContentType} with an operation a line.`,
  );
}

type Outcomes =
  | { readonly results: readonly KeyOutcome[] }
  | { readonly failure: { readonly code: ErrorCode; readonly detail: string } };

/** @throws KvError batch-slots-differ */
async function atomically(store: KeyStore, { operations }: BatchRequest): Promise<Outcomes> {
  const { slot } = operations[0] as KeyOperation;
  const stray = operations.findIndex((operation) => operation.slot !== slot);
  if (stray !== -1) {
    throw new KvError(
      'batch-slots-differ',
      `All keys of an atomic batch are of one slot, and operation ${stray} is not of that of operation 0. ` +
        'Keys with the same text in braces are: {user1}/name and {user1}/visits.',
    );
  }
  const outcome = await store.execute({ kind: 'atomic', slot, operations });
  if (outcome.kind === 'batch') return reuseAmong(outcome.outcomes) ?? { results: outcome.outcomes };
  if (outcome.kind === 'failed') return { failure: outcome };
  throw new TypeError(`an atomic operation cannot come to ${outcome.kind}`);
}

/** The name is that of the whole batch, and so is its misuse. */
function reuseAmong(outcomes: readonly KeyOutcome[]): Outcomes | undefined {
  const failure = outcomes.find((one) => one.kind === 'failed' && one.code === 'idempotency-key-reused');
  return failure?.kind === 'failed' ? { failure } : undefined;
}

/** Those of one key follow one another; all others are under way at once. */
async function oneByOne(store: KeyStore, { operations }: BatchRequest): Promise<Outcomes> {
  const lastOfKey = new Map<string, Promise<unknown>>();
  const reads = new ReadBudget();
  const results = operations.map((operation) => {
    const name = operation.key.toString('latin1');
    const before = lastOfKey.get(name);
    const run = () =>
      operation.kind === 'get'
        ? reads.run(() => store.execute(operation) as Promise<KeyOutcome>)
        : (store.execute(operation) as Promise<KeyOutcome>);
    const result = before === undefined ? run() : before.then(run);
    lastOfKey.set(name, result);
    return result;
  });
  return { results: await Promise.all(results) };
}

/** Bounds what the values that a batch reads take together: beyond it, reads are refused and not even begun. */
class ReadBudget {
  #bytesLeft = batchBytesMax;
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  async run(read: () => Promise<KeyOutcome>): Promise<KeyOutcome> {
    if (this.#underWay >= readsAtATime) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#underWay++;
    try {
      if (this.#bytesLeft < 0) return tooMuchRead;
      const outcome = await read();
      if (outcome.kind === 'value') this.#bytesLeft -= outcome.value.length;
      return this.#bytesLeft < 0 ? tooMuchRead : outcome;
    } finally {
      this.#underWay--;
      this.#waiting.shift()?.();
    }
  }
}

/** Values that find no room are not answered. What the batch has written stays written, and is told. */
function withRoom(reply: FastifyReply, outcomes: readonly KeyOutcome[]): readonly KeyOutcome[] {
  const share = shareOfAnswer(reply);
  return outcomes.map((outcome) =>
    outcome.kind !== 'value' || share.take(outcome.value.length) ? outcome : noRoom(reply.server.bodyBudget),
  );
}

type Result = { readonly status: number; readonly [field: string]: unknown };

function resultOf(outcome: KeyOutcome): Result {
  switch (outcome.kind) {
    case 'value':
      return { status: 200, ...describedFields(outcome), ...valueFields(outcome.value) };
    case 'created':
    case 'replaced': {
      const { version } = outcome;
      const status = outcome.kind === 'created' ? 201 : 204;
      return { status, version, ...expiryField(outcome) };
    }
    case 'deleted':
      return { status: 204 };
    case 'counted':
      // As text: JSON's numbers are exact up to 2^53 only.
      return { status: 200, version: outcome.version, ...expiryField(outcome), value: String(outcome.number) };
    case 'absent':
      return refusal('key-not-found', errorStatus['key-not-found'].title);
    case 'precondition-failed':
      return { ...refusal('condition-not-met', failedConditionDetail(outcome.version)), version: outcome.version };
    case 'failed':
      return refusal(outcome.code, outcome.detail);
    case 'metadata':
    case 'part':
      throw new TypeError('a batch asks for whole values');
  }
}

function refusal(code: ErrorCode, detail: string): Result {
  return { status: errorStatus[code].status, code, detail };
}

function sendResults(reply: FastifyReply, results: readonly Result[], format: BatchFormat): FastifyReply {
  reply.header('x-content-type-options', 'nosniff').serializer(String);
  if (format === 'ndjson')
    return reply.type(ndjsonContentType).send(results.map((one) => `${JSON.stringify(one)}\n`).join(''));
  return reply.type('application/json').send(JSON.stringify({ results }));
}
