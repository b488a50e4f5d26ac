/** `/v1/kv/{key}`: reads and writes of one value, byte for byte. A store sees only what was checked here. */

import type { FastifyInstance } from 'fastify';
import type { KeyStore } from '../../access/restricted-store.ts';
import { KvError } from '../../kv/errors.ts';
import type { Expiry, TouchOperation, WriteOperation } from '../../kv/operation.ts';
import { expiryOf, type KeyOutcome, type Outcome } from '../../kv/outcome.ts';
import type { Timing } from '../../kv/store.ts';
import type { StoreFor } from '../admission.ts';
import { keyErrors, type RouteDoc, storeErrors, writeErrors } from '../description/route-doc.ts';
import { bodyOf, checkBodyHeaders, storableContentType } from '../request/body.ts';
import { expiryNeeded, expiryWanted } from '../request/expiry.ts';
import { guardsOf } from '../request/guards.ts';
import { keyRequestOf } from '../request/key-request.ts';
import { metadataWanted, partWanted } from '../request/part-wanted.ts';
import { prefers } from '../request/preference.ts';
import { type Stored, sendRead, sendRepresentation, sendWritten } from '../value-answer.ts';

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
  summary: 'Read the metadata of a value',
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

const touchValue: RouteDoc = {
  id: 'touchValue',
  group: 'Values',
  summary: 'Set when a value expires',
  description:
    'Sets or removes (`expires-at=never`) the expiry and keeps the value. This is a write: the key gets a new ETag, and ' +
    'watchers get a `put`. With `Prefer: return=representation` the answer is the same as for GET.',
  query: putParameters,
  headers: ['If-Match', 'If-None-Match', 'Idempotency-Key', 'Prefer'],
  answers: { 200: 'representation', 204: 'touched' },
  errors: [...keyErrors, ...writeErrors, 'key-not-found'],
  example: "curl -X PATCH '{origin}/v1/kv/greeting?ttl=3600' -H 'prefer: return=representation'",
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
    const wanted = partWanted(request.headers);
    const outcome = await storeFor(request).execute({ kind: 'get', slot, key, ...wanted }, timing);
    return sendRead(reply, { key, wanted, outcome }, timing);
  });

  app.head(`${kvPath}*`, { schema: { doc: readMetadata } }, async (request, reply) => {
    const { slot, key, timing } = keyRequestOf(request, kvPath, readParameters);
    const wanted = metadataWanted(request.headers);
    const outcome = await storeFor(request).execute({ kind: 'head', slot, key }, timing);
    return sendRead(reply, { key, wanted, outcome }, timing);
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
    return sendWritten(reply, withExpiry(outcome, expiry), timing);
  });

  app.patch(`${kvPath}*`, { schema: { doc: touchValue } }, async (request, reply) => {
    const { slot, key, parameters, timing } = keyRequestOf(request, kvPath, putParameters);
    if (bodyOf(request).length > 0) {
      throw new KvError(
        'parameter-invalid',
        'A PATCH only sets the expiry, with ttl or expires-at. Its body must be empty.',
      );
    }
    const expiry = expiryNeeded(parameters.ttl, parameters['expires-at']);
    const operation: TouchOperation = { kind: 'touch', slot, key, ...expiry, ...guardsOf(request, key, []) };
    const store = storeFor(request);
    if (!prefers(request, 'return=representation')) {
      return sendWritten(reply, withExpiry(await store.execute(operation, timing), expiry), timing);
    }
    const { written, stored } = await touchAndRead(store, operation, timing);
    return sendRepresentation(reply, withExpiry(written, expiry), stored, timing);
  });

  app.delete(`${kvPath}*`, { schema: { doc: deleteValue } }, async (request, reply) => {
    const { slot, key, timing } = keyRequestOf(request, kvPath, readParameters);
    const operation: WriteOperation = { kind: 'delete', slot, key, ...guardsOf(request, key, []) };
    return sendWritten(reply, await storeFor(request).execute(operation, timing), timing);
  });
}

/**
 * Both in one step. Of a touch that is sent again it is not known what was read with it: what there is now is read anew,
 * which comes after the touch as well.
 */
async function touchAndRead(
  store: KeyStore,
  touch: TouchOperation,
  timing: Timing | undefined,
): Promise<{ readonly written: Outcome; readonly stored: Stored | undefined }> {
  const get = { kind: 'get', slot: touch.slot, key: touch.key } as const;
  const both = await store.execute({ kind: 'atomic', slot: touch.slot, operations: [touch, get] }, timing);
  if (both.kind !== 'batch') return { written: both, stored: undefined };
  const [written, read] = both.outcomes as [KeyOutcome, KeyOutcome];
  const found = written.kind === 'replaced' && read.kind !== 'value' ? await store.execute(get) : read;
  return { written, stored: written.kind === 'replaced' && found.kind === 'value' ? found : undefined };
}

/** The store tells an expiry where its own clock has decided it; else it is the one that was asked for. */
function withExpiry(outcome: Outcome, { expiresAtMs = 0 }: Expiry): Outcome {
  if (outcome.kind !== 'created' && outcome.kind !== 'replaced') return outcome;
  return { ...expiryOf(expiresAtMs), ...outcome };
}
