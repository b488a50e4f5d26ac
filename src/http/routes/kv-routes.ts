/** `/v1/kv/{key}`: reads and writes of one value, byte for byte. A store sees only what was checked here. */

import type { FastifyInstance } from 'fastify';
import type { WriteOperation } from '../../kv/operation.ts';
import type { StoreFor } from '../admission.ts';
import { keyErrors, type RouteDoc, storeErrors, writeErrors } from '../description/route-doc.ts';
import { bodyOf, checkBodyHeaders, storableContentType } from '../request/body.ts';
import { expiryWanted } from '../request/expiry.ts';
import { guardsOf } from '../request/guards.ts';
import { keyRequestOf } from '../request/key-request.ts';
import { expiryHeader, sendRead, sendWritten } from '../value-answer.ts';

const kvPath = '/v1/kv/';

const readParameters = ['key-encoding', 'timing'] as const;
const putParameters = [...readParameters, 'ttl', 'expires-at'] as const;

const readErrors = ['key-not-found', 'condition-malformed', 'condition-not-met', ...keyErrors, ...storeErrors] as const;

const readValue: RouteDoc = {
  id: 'readValue',
  group: 'Values',
  summary: 'Read a value',
  query: readParameters,
  headers: ['If-Match', 'If-None-Match', 'Range', 'If-Range', 'Prefer'],
  answers: { 200: 'value', 206: 'part', 304: 'notModified' },
  errors: [...readErrors, 'range-not-satisfiable'],
  example: 'curl {origin}/v1/kv/greeting',
};

const readMetadata: RouteDoc = {
  id: 'headValue',
  group: 'Values',
  summary: 'Read what is known of a value',
  query: readParameters,
  headers: ['If-Match', 'If-None-Match', 'Prefer'],
  answers: { 200: 'metadata', 304: 'notModified' },
  errors: readErrors,
  example: 'curl -I {origin}/v1/kv/greeting',
};

const writeValue: RouteDoc = {
  id: 'writeValue',
  group: 'Values',
  summary: 'Write a value',
  query: putParameters,
  headers: ['If-Match', 'If-None-Match', 'Idempotency-Key', 'Prefer'],
  body: 'value',
  answers: { 201: 'created', 204: 'replaced' },
  errors: [...keyErrors, ...writeErrors, 'content-encoding-unsupported', 'content-range-unsupported'],
  example: "curl -X PUT {origin}/v1/kv/greeting -H 'content-type: text/plain' -d 'hello'",
};

const deleteValue: RouteDoc = {
  id: 'deleteValue',
  group: 'Values',
  summary: 'Delete a value',
  query: readParameters,
  headers: ['If-Match', 'If-None-Match', 'Idempotency-Key', 'Prefer'],
  answers: { 204: 'deleted' },
  errors: [...keyErrors, ...writeErrors],
  example: 'curl -X DELETE {origin}/v1/kv/greeting',
};

export function registerKvRoutes(app: FastifyInstance, storeFor: StoreFor): void {
  app.get(`${kvPath}*`, { schema: { doc: readValue } }, async (request, reply) => {
    const { slot, key, timing } = keyRequestOf(request, kvPath, readParameters);
    return sendRead(request, reply, key, await storeFor(request).execute({ kind: 'get', slot, key }, timing), timing);
  });

  app.head(`${kvPath}*`, { schema: { doc: readMetadata } }, async (request, reply) => {
    const { slot, key, timing } = keyRequestOf(request, kvPath, readParameters);
    return sendRead(request, reply, key, await storeFor(request).execute({ kind: 'head', slot, key }, timing), timing);
  });

  app.put(`${kvPath}*`, { schema: { doc: writeValue } }, async (request, reply) => {
    const { slot, key, parameters, timing } = keyRequestOf(request, kvPath, putParameters);
    checkBodyHeaders(request);
    const contentType = storableContentType(request.headers['content-type']);
    const value = bodyOf(request);
    const expiry = expiryWanted(parameters.ttl, parameters['expires-at']);
    const operation: WriteOperation = {
      kind: 'put',
      slot,
      key,
      contentType,
      value,
      ...expiry,
      ...guardsOf(request, key, [contentType, value]),
    };
    const outcome = await storeFor(request).execute(operation, timing);
    if (outcome.kind === 'created' || outcome.kind === 'replaced')
      reply.headers(expiryHeader({ ...expiry, ...outcome }));
    return sendWritten(reply, outcome, timing);
  });

  app.delete(`${kvPath}*`, { schema: { doc: deleteValue } }, async (request, reply) => {
    const { slot, key, timing } = keyRequestOf(request, kvPath, readParameters);
    const operation: WriteOperation = { kind: 'delete', slot, key, ...guardsOf(request, key, []) };
    return sendWritten(reply, await storeFor(request).execute(operation, timing), timing);
  });
}
