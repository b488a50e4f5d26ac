/** `/v1/counters/{key}`: adds to a number, at once and once. The number is a value like any other, as decimal text. */

import type { FastifyInstance } from 'fastify';
import { KvError } from '../../kv/errors.ts';
import type { WriteOperation } from '../../kv/operation.ts';
import type { Store } from '../../kv/store.ts';
import { slotOf } from '../../partition/slot.ts';
import { keyErrors, type RouteDoc, writeErrors } from '../description/route-doc.ts';
import { addressOf, bodyOf, guardsOf, sendWritten } from './kv-routes.ts';

const countersPath = '/v1/counters/';

const incrementParameters = ['key-encoding', 'timing', 'by'] as const;

const increment: RouteDoc = {
  id: 'increment',
  group: 'Counters',
  summary: 'Add to a number',
  description: 'The number is a value like any other, as decimal text. A key without a value counts as 0.',
  query: incrementParameters,
  headers: ['If-Match', 'If-None-Match', 'Idempotency-Key', 'Prefer'],
  answers: { 200: 'counted' },
  errors: [...keyErrors, ...writeErrors, 'counter-not-a-number', 'counter-overflow'],
  example: "curl -X POST '{origin}/v1/counters/visits?by=5'",
};

export function registerCounterRoutes(app: FastifyInstance, store: Store): void {
  app.post(`${countersPath}*`, { schema: { doc: increment } }, async (request, reply) => {
    const { key, parameters, timing } = addressOf(request, countersPath, incrementParameters);
    if (bodyOf(request).length > 0) {
      throw new KvError('parameter-invalid', 'How much to add is said by ?by=N, and the body is empty.');
    }
    const by = incrementOf(parameters.by ?? '1');
    const operation: WriteOperation = { kind: 'increment', slot: slotOf(key), key, by, ...guardsOf(request, key, []) };
    return sendWritten(reply, await store.execute(operation, timing), timing);
  });
}

/** @throws KvError parameter-invalid */
export function incrementOf(text: string): bigint {
  const by = /^-?\d{1,19}$/.test(text) ? BigInt(text) : undefined;
  if (by !== undefined && by === BigInt.asIntN(64, by)) return by;
  throw new KvError(
    'parameter-invalid',
    `by is a whole number of 64 bits, such as 1 or -5, not ${JSON.stringify(text)}.`,
  );
}
