/** `/v1/counters/{key}`: adds to a number, at once and once. The number is a value like any other, as decimal text. */

import type { FastifyInstance } from 'fastify';
import { KvError } from '../../kv/errors.ts';
import type { WriteOperation } from '../../kv/operation.ts';
import type { StoreFor } from '../admission.ts';
import { keyErrors, type RouteDoc, writeErrors } from '../description/route-doc.ts';
import { bodyOf } from '../request/body.ts';
import { expiryWanted } from '../request/expiry.ts';
import { guardsOf } from '../request/guards.ts';
import { incrementOf } from '../request/increment.ts';
import { keyRequestOf } from '../request/key-request.ts';
import { sendWritten } from '../value-answer.ts';

const countersPath = '/v1/counters/';

const incrementParameters = ['key-encoding', 'timing', 'by', 'ttl', 'expires-at'] as const;

const increment: RouteDoc = {
  id: 'increment',
  group: 'Counters',
  summary: 'Increment a counter',
  description:
    'A counter is a value with a number as decimal text. A missing key counts as 0. `ttl` or `expires-at` sets the ' +
    'expiry; without them the expiry stays.',
  query: incrementParameters,
  headers: ['If-Match', 'If-None-Match', 'Idempotency-Key', 'Prefer'],
  answers: { 200: 'counted' },
  errors: [...keyErrors, ...writeErrors, 'counter-not-a-number', 'counter-overflow'],
  example: "curl -X POST '{origin}/v1/counters/visits?by=5'",
};

export function registerCounterRoutes(app: FastifyInstance, storeFor: StoreFor): void {
  app.post(`${countersPath}*`, { schema: { doc: increment } }, async (request, reply) => {
    const { slot, key, parameters, timing } = keyRequestOf(request, countersPath, incrementParameters);
    if (bodyOf(request).length > 0) {
      throw new KvError(
        'parameter-invalid',
        'How much to add is said by ?by=N, and how long it lives by ?ttl=SECONDS: the body is empty.',
      );
    }
    const by = incrementOf(parameters.by ?? '1');
    const expiry = expiryWanted(parameters.ttl, parameters['expires-at']);
    const operation: WriteOperation = { kind: 'increment', slot, key, by, ...expiry, ...guardsOf(request, key, []) };
    return sendWritten(reply, await storeFor(request).execute(operation, timing), timing);
  });
}
