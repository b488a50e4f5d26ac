/**
 * `/v1/kv/{key}`: reads and writes of one value, byte for byte. Everything about a request is checked here,
 * before a store sees it. Stored bytes are hostile content: they are served so that no browser runs them.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { KvError } from '../kv/errors.ts';
import { type Key, keyOfBase64url, keyOfPath } from '../kv/key.ts';
import type { Outcome, Store } from '../kv/store.ts';
import { slotOf } from '../partition/slot.ts';
import { sendProblem } from './problem.ts';

const kvPath = '/v1/kv/';
const contentTypeBytesMax = 255;
const defaultContentType = 'application/octet-stream';
const noBytes = Buffer.alloc(0);
/** Beyond it, copying a value into text costs more than the second write. */
const oneWriteBytesMax = 4 * 1024;

export function registerKvRoutes(app: FastifyInstance, store: Store): void {
  app.get(`${kvPath}*`, async (request, reply) => {
    const key = keyOfRequest(request);
    return sendOutcome(reply, key, await store.execute({ kind: 'get', slot: slotOf(key), key }));
  });

  app.head(`${kvPath}*`, async (request, reply) => {
    const key = keyOfRequest(request);
    return sendOutcome(reply, key, await store.execute({ kind: 'head', slot: slotOf(key), key }));
  });

  app.put(`${kvPath}*`, async (request, reply) => {
    const key = keyOfRequest(request);
    checkBodyHeaders(request);
    const contentType = storableContentType(request.headers['content-type']);
    const value = (request.body as Buffer | undefined) ?? noBytes;
    return sendOutcome(reply, key, await store.execute({ kind: 'put', slot: slotOf(key), key, contentType, value }));
  });

  app.delete(`${kvPath}*`, async (request, reply) => {
    const key = keyOfRequest(request);
    return sendOutcome(reply, key, await store.execute({ kind: 'delete', slot: slotOf(key), key }));
  });
}

function sendOutcome(reply: FastifyReply, key: Key, outcome: Outcome): FastifyReply {
  switch (outcome.kind) {
    case 'value':
      return sendValue(reply, outcome);
    case 'metadata':
      return reply.code(200).headers(headersOf(outcome, outcome.valueBytes)).send();
    case 'absent':
      return sendProblem(reply, 'key-not-found', `There is no value under the key ${JSON.stringify(key.toString())}.`);
    case 'created':
      return reply.code(201).header('etag', `"${outcome.version}"`).send();
    case 'replaced':
      return reply.code(204).header('etag', `"${outcome.version}"`).send();
    case 'deleted':
      return reply.code(204).send();
    case 'failed':
      return sendProblem(reply, outcome.code, outcome.detail);
  }
}

type ValueHead = { readonly version: number; readonly contentType: string };

function sendValue(reply: FastifyReply, outcome: ValueHead & { readonly value: Buffer }): FastifyReply {
  const { value } = outcome;
  const headers = headersOf(outcome, value.length);
  if (value.length > oneWriteBytesMax) return reply.code(200).headers(headers).send(value);
  // As latin1 text, head and body leave in one write; as bytes they would be two, which costs a sixth of a small GET.
  reply.hijack();
  reply.raw.writeHead(200, headers);
  reply.raw.end(value.toString('latin1'), 'latin1');
  return reply;
}

/** The stored type goes out as it came in, without a charset added to it. */
function headersOf({ version, contentType }: ValueHead, valueBytes: number): Record<string, string | number> {
  return {
    'content-type': contentType === '' ? defaultContentType : contentType,
    'content-length': valueBytes,
    etag: `"${version}"`,
    // A stored page opened in a browser is shown, but runs no script, and has no origin to act for.
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
  };
}

/** @throws KvError key-empty, key-malformed, key-too-long, parameter-unknown, parameter-invalid */
function keyOfRequest(request: FastifyRequest): Key {
  // From the raw URL: the router's decoded parameter has lost which bytes were sent.
  const url = request.raw.url as string;
  const queryAt = url.indexOf('?');
  if (queryAt === -1) return keyOfPath(url.slice(kvPath.length));
  const segment = url.slice(kvPath.length, queryAt);
  return keyEncodingOf(url.slice(queryAt + 1)) === 'base64url' ? keyOfBase64url(segment) : keyOfPath(segment);
}

function keyEncodingOf(query: string): 'percent' | 'base64url' {
  let encoding: 'percent' | 'base64url' = 'percent';
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== 'key-encoding') {
      throw new KvError(
        'parameter-unknown',
        `There is no query parameter ${JSON.stringify(name)}; allowed is key-encoding. A ? within a key is written %3F.`,
      );
    }
    if (value !== 'percent' && value !== 'base64url') {
      throw new KvError(
        'parameter-invalid',
        `key-encoding is "percent" (the default) or "base64url", not ${JSON.stringify(value)}.`,
      );
    }
    encoding = value;
  }
  return encoding;
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

function storableContentType(header: string | undefined): string {
  if (header === undefined) return '';
  if (header.length > contentTypeBytesMax) {
    throw new KvError(
      'content-type-invalid',
      `The Content-Type has ${header.length} bytes; at most ${contentTypeBytesMax} are stored.`,
    );
  }
  return header;
}
