/** `/v1/counters/{key}`: adds to a number, at once and once. The number is a value like any other, as decimal text. */

import type { FastifyInstance } from 'fastify';
import { KvError } from '../kv/errors.ts';
import type { Store, WriteOperation } from '../kv/store.ts';
import { slotOf } from '../partition/slot.ts';
import { addressOf, bodyOf, guardsOf, sendWritten } from './kv-routes.ts';

const countersPath = '/v1/counters/';

export function registerCounterRoutes(app: FastifyInstance, store: Store): void {
  app.post(`${countersPath}*`, async (request, reply) => {
    const { key, parameters, timing } = addressOf(request, countersPath, ['key-encoding', 'timing', 'by']);
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
