/** What a write is bound to: the condition under which it may happen, and the key that makes it happen once. */

import type { FastifyRequest } from 'fastify';
import type { Key } from '../../kv/key.ts';
import type { WriteOperation } from '../../kv/operation.ts';
import { conditionOf } from './conditions.ts';
import { idempotencyKeyOf } from './idempotency.ts';

/**
 * As parts of the write's operation.
 * @param asked what makes the request what it is, besides method, URL and condition
 * @throws KvError condition-malformed, idempotency-key-invalid
 */
export function guardsOf(
  { headers, method, raw }: FastifyRequest,
  key: Key,
  asked: readonly (string | Buffer)[],
): Pick<WriteOperation, 'condition' | 'idempotencyKey'> {
  const condition = conditionOf(headers);
  const named = idempotencyKeyOf(headers, key, [method, raw.url ?? '', JSON.stringify(condition ?? null), ...asked]);
  return condition === undefined ? named : { ...named, condition };
}
