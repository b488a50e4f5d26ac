/**
 * `/v1/kv/{key}`: reads and writes of one value, byte for byte. Everything about a request is checked here,
 * before a store sees it. Stored bytes are hostile content: they are served so that no browser runs them.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { KvError } from '../../kv/errors.ts';
import { type Key, keyOfBase64url } from '../../kv/key.ts';
import type { WriteOperation } from '../../kv/operation.ts';
import type { Outcome } from '../../kv/outcome.ts';
import type { Store, Timing } from '../../kv/store.ts';
import { slotOf } from '../../partition/slot.ts';
import { noRoom, shareOfAnswer, uncountedBytesMax } from '../body-budget.ts';
import { keyErrors, type RouteDoc, storeErrors, writeErrors } from '../description/route-doc.ts';
import { keyOfPath } from '../key-in-url.ts';
import { sendProblem } from '../problem.ts';
import { conditionOf, etagOf, readVerdict } from '../request/conditions.ts';
import { expiresAtMsOf } from '../request/expiry.ts';
import { idempotencyKeyOf } from '../request/idempotency.ts';
import { oneOfTexts, type Parameters, parametersOf } from '../request/parameters.ts';
import { rangeOf } from '../request/ranges.ts';
import { sendTiming, timingWanted } from '../request/server-timing.ts';

const kvPath = '/v1/kv/';
export const contentTypeBytesMax = 255;
const defaultContentType = 'application/octet-stream';
const noBytes = Buffer.alloc(0);
/** Beyond it, copying a value into text costs more than the second write. */
const oneWriteBytesMax = 4 * 1024;

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

export function registerKvRoutes(app: FastifyInstance, store: Store): void {
  app.get(`${kvPath}*`, { schema: { doc: readValue } }, async (request, reply) => {
    const { key, timing } = addressOf(request, kvPath, readParameters);
    return sendRead(request, reply, key, await store.execute({ kind: 'get', slot: slotOf(key), key }, timing), timing);
  });

  app.head(`${kvPath}*`, { schema: { doc: readMetadata } }, async (request, reply) => {
    const { key, timing } = addressOf(request, kvPath, readParameters);
    return sendRead(request, reply, key, await store.execute({ kind: 'head', slot: slotOf(key), key }, timing), timing);
  });

  app.put(`${kvPath}*`, { schema: { doc: writeValue } }, async (request, reply) => {
    const { key, parameters, timing } = addressOf(request, kvPath, putParameters);
    checkBodyHeaders(request);
    const contentType = storableContentType(request.headers['content-type']);
    const value = bodyOf(request);
    const expiresAtMs = expiresAtMsOf(parameters.ttl, parameters['expires-at']);
    const operation: WriteOperation = {
      kind: 'put',
      slot: slotOf(key),
      key,
      contentType,
      value,
      ...(expiresAtMs !== undefined && { expiresAtMs }),
      ...guardsOf(request, key, [contentType, value]),
    };
    const outcome = await store.execute(operation, timing);
    if (expiresAtMs !== undefined) reply.header('expires-at', expiresAtMs);
    return sendWritten(reply, outcome, timing);
  });

  app.delete(`${kvPath}*`, { schema: { doc: deleteValue } }, async (request, reply) => {
    const { key, timing } = addressOf(request, kvPath, readParameters);
    const operation: WriteOperation = { kind: 'delete', slot: slotOf(key), key, ...guardsOf(request, key, []) };
    return sendWritten(reply, await store.execute(operation, timing), timing);
  });
}

/** Bytes, whatever they are. */
export function bodyOf(request: FastifyRequest): Buffer {
  return (request.body as Buffer | undefined) ?? noBytes;
}

/**
 * What a write is bound to, as parts of its operation.
 * @param asked what makes the request what it is, besides method, URL and condition
 * @throws KvError condition-malformed, idempotency-key-invalid
 */
export function guardsOf(
  { headers, method, raw }: FastifyRequest,
  key: Key,
  asked: readonly (string | Buffer)[],
): Pick<WriteOperation, 'condition' | 'idempotencyKey'> {
  const condition = conditionOf(headers);
  const name = idempotencyKeyOf(headers, key, [method, raw.url ?? '', JSON.stringify(condition ?? null), ...asked]);
  return condition === undefined ? name : { ...name, condition };
}

export type Address<Name extends string> = {
  readonly key: Key;
  readonly parameters: Parameters<Name>;
  readonly timing: Timing | undefined;
};

/** @throws KvError key-empty, key-malformed, key-too-long, parameter-unknown, parameter-invalid */
export function addressOf<const Name extends string>(
  request: FastifyRequest,
  path: string,
  allowed: readonly (Name | 'key-encoding' | 'timing')[],
): Address<Name> {
  // From the raw URL: the router's decoded parameter has lost which bytes were sent.
  const url = request.raw.url as string;
  const queryAt = url.indexOf('?');
  // The router decodes before it matches: of /v1/%6Bv/key nothing could be cut off.
  if (!url.startsWith(path)) throw new KvError('route-unknown', `Write ${path} as it is, without percent-encoding.`);
  const parameters = parametersOf(url, allowed);
  const segment = url.slice(path.length, queryAt === -1 ? undefined : queryAt);
  const isBase64url = oneOfTexts('key-encoding', parameters['key-encoding'], ['percent', 'base64url']) === 'base64url';
  return {
    key: isBase64url ? keyOfBase64url(segment) : keyOfPath(segment),
    parameters: parameters as Parameters<Name>,
    timing: timingWanted(request, parameters.timing),
  };
}

function sendRead(
  request: FastifyRequest,
  reply: FastifyReply,
  key: Key,
  outcome: Outcome,
  timing: Timing | undefined,
): FastifyReply {
  sendTiming(reply, timing);
  if (outcome.kind === 'failed') return sendProblem(reply, outcome.code, outcome.detail);
  // On its way here the value may have expired.
  if ((outcome.kind !== 'value' && outcome.kind !== 'metadata') || isOver(outcome)) {
    return sendProblem(reply, 'key-not-found', `There is no value under the key ${JSON.stringify(key.toString())}.`);
  }
  const verdict = readVerdict(request.headers, outcome.version);
  if (verdict === 'precondition-failed') return sendPreconditionFailed(reply, outcome.version);
  if (verdict === 'not-modified') {
    return reply
      .code(304)
      .headers({ etag: etagOf(outcome.version), ...expiryHeader(outcome) })
      .send();
  }
  if (outcome.kind === 'metadata') {
    return reply.code(200).headers(headersOf(outcome, outcome.valueBytes)).send();
  }
  return sendValue(request, reply, outcome);
}

/** The answer to a write. */
export function sendWritten(reply: FastifyReply, outcome: Outcome, timing: Timing | undefined): FastifyReply {
  sendTiming(reply, timing);
  switch (outcome.kind) {
    case 'created':
      return reply.code(201).header('etag', etagOf(outcome.version)).send();
    case 'replaced':
      return reply.code(204).header('etag', etagOf(outcome.version)).send();
    case 'deleted':
      return reply.code(204).send();
    case 'counted':
      return reply
        .code(200)
        .headers({ etag: etagOf(outcome.version), 'content-type': 'text/plain' })
        .send(`${outcome.number}`);
    case 'precondition-failed':
      return sendPreconditionFailed(reply, outcome.version);
    case 'failed':
      return sendProblem(reply, outcome.code, outcome.detail);
    default:
      throw new TypeError(`a write cannot come to ${outcome.kind}`);
  }
}

/** @param version what the key has; 0 when it has no value */
function sendPreconditionFailed(reply: FastifyReply, version: number): FastifyReply {
  if (version !== 0) reply.header('etag', etagOf(version));
  return sendProblem(reply, 'condition-not-met', unmetDetail(version));
}

export function unmetDetail(version: number): string {
  return version === 0 ? 'The key has no value.' : `The key has version ${version}: its ETag is ${etagOf(version)}.`;
}

type Head = { readonly version: number; readonly contentType: string; readonly expiresAtMs?: number };

function isOver({ expiresAtMs }: Head): boolean {
  return expiresAtMs !== undefined && expiresAtMs <= Date.now();
}

function sendValue(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  outcome: Head & { readonly value: Buffer },
): FastifyReply {
  const { value, version } = outcome;
  if (value.length > uncountedBytesMax && !shareOfAnswer(reply).take(value.length)) {
    const { code, detail } = noRoom(reply.server.bodyBudget);
    return sendProblem(reply, code, detail);
  }
  const range = rangeOf(headers, value.length, etagOf(version));
  if (range === 'not-satisfiable') {
    reply.header('content-range', `bytes */${value.length}`);
    return sendProblem(reply, 'range-not-satisfiable', `The value has ${value.length} bytes, the first is number 0.`);
  }
  if (range !== 'whole') {
    const part = value.subarray(range.first, range.last + 1);
    reply.header('content-range', `bytes ${range.first}-${range.last}/${value.length}`);
    return reply.code(206).headers(headersOf(outcome, part.length)).send(part);
  }
  const answerHeaders = headersOf(outcome, value.length);
  if (value.length > oneWriteBytesMax || reply.hasHeader('server-timing')) {
    return reply.code(200).headers(answerHeaders).send(value);
  }
  // As latin1 text, head and body leave in one write; as bytes they would be two, which costs a sixth of a small GET.
  reply.hijack();
  reply.raw.writeHead(200, answerHeaders);
  reply.raw.end(value.toString('latin1'), 'latin1');
  return reply;
}

/** The stored type goes out as it came in, without a charset added to it. */
function headersOf(head: Head, valueBytes: number): Record<string, string | number> {
  const headers: Record<string, string | number> = {
    'content-type': head.contentType === '' ? defaultContentType : head.contentType,
    'content-length': valueBytes,
    etag: etagOf(head.version),
    'accept-ranges': 'bytes',
    // A stored page opened in a browser is shown, but runs no script, and has no origin to act for.
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
  };
  if (head.expiresAtMs !== undefined) headers['expires-at'] = head.expiresAtMs;
  return headers;
}

function expiryHeader({ expiresAtMs }: Head): Record<string, number> {
  return expiresAtMs === undefined ? {} : { 'expires-at': expiresAtMs };
}

function checkBodyHeaders({ headers }: FastifyRequest): void {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new KvError(
      'content-encoding-unsupported',
      'A Content-Encoding would not be given back with the value: send the value without one.',
    );
  }
  if (headers['content-range'] !== undefined) {
    throw new KvError('content-range-unsupported', 'A PUT writes the whole value: send it without Content-Range.');
  }
}

/** @throws KvError content-type-invalid */
export function storableContentType(header: string | undefined): string {
  if (header === undefined) return '';
  if (header.length > contentTypeBytesMax) {
    throw new KvError(
      'content-type-invalid',
      `The Content-Type has ${header.length} bytes; at most ${contentTypeBytesMax} are stored.`,
    );
  }
  return header;
}
