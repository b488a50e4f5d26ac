/**
 * How a value, or what came of a write, is told in HTTP. Stored bytes are hostile content: they are served so that no
 * browser runs them.
 */

import type { FastifyReply } from 'fastify';
import type { Key } from '../kv/key.ts';
import type { Outcome } from '../kv/outcome.ts';
import type { Timing } from '../kv/store.ts';
import { type PartWanted, partOf } from '../kv/value-part.ts';
import { noRoom, shareOfAnswer, uncountedBytesMax } from './body-budget.ts';
import { endInOneWrite } from './one-write.ts';
import { sendProblem } from './problem.ts';
import { etagOf, readVerdict } from './request/conditions.ts';
import { sendTiming } from './request/server-timing.ts';

const defaultContentType = 'application/octet-stream';
/** Beyond it, copying a value into text costs more than the second write. */
const oneWriteBytesMax = 4 * 1024;

/** A read, and what the store has answered. Of a HEAD no range is wanted. */
type Read = { readonly key: Key; readonly wanted: PartWanted; readonly outcome: Outcome };

/** The answer to a read, as far as its preconditions and ranges allow. */
export function sendRead(reply: FastifyReply, read: Read, timing: Timing | undefined): FastifyReply {
  const { key, wanted, outcome } = read;
  sendTiming(reply, timing);
  if (outcome.kind === 'failed') return sendProblem(reply, outcome.code, outcome.detail);
  // Whether it has expired is for the store's clock to say: that of this process may be another.
  if (outcome.kind !== 'value' && outcome.kind !== 'part' && outcome.kind !== 'metadata') {
    return sendProblem(reply, 'key-not-found', `There is no value under the key ${JSON.stringify(key.toString())}.`);
  }
  const { version } = outcome;
  const verdict = readVerdict(wanted.condition, version);
  if (verdict === 'precondition-failed') return sendPreconditionFailed(reply, version);
  if (verdict === 'not-modified') {
    return reply
      .code(304)
      .headers({ etag: etagOf(version), ...expiryHeader(outcome) })
      .send();
  }
  const valueBytes = outcome.kind === 'value' ? outcome.value.length : outcome.valueBytes;
  // By what the store found: a store that has read a key twice may have found another version.
  const part = partOf(wanted, version, valueBytes);
  if (part === 'none') {
    reply.header('content-range', `bytes */${valueBytes}`);
    return sendProblem(reply, 'range-not-satisfiable', `The value has ${valueBytes} bytes, the first is number 0.`);
  }
  if (outcome.kind === 'metadata') return reply.code(200).headers(headersOf(outcome, valueBytes)).send();
  if (part === 'whole') {
    if (outcome.kind === 'part') throw new TypeError('a store gave a part of what was wanted whole');
    return sendValue(reply, outcome);
  }
  const { first, last } = part;
  const value = outcome.kind === 'part' ? outcome.value : outcome.value.subarray(first, last + 1);
  if (!hasRoomFor(reply, value)) return sendNoRoom(reply);
  reply.header('content-range', `bytes ${first}-${last}/${valueBytes}`);
  return reply.code(206).headers(headersOf(outcome, value.length)).send(value);
}

/** The answer to a write. */
export function sendWritten(reply: FastifyReply, outcome: Outcome, timing: Timing | undefined): FastifyReply {
  sendTiming(reply, timing);
  switch (outcome.kind) {
    case 'created':
    case 'replaced':
      return reply
        .code(outcome.kind === 'created' ? 201 : 204)
        .headers({ etag: etagOf(outcome.version), ...expiryHeader(outcome) })
        .send();
    case 'deleted':
      return reply.code(204).send();
    case 'counted':
      return reply
        .code(200)
        .headers({ etag: etagOf(outcome.version), 'content-type': 'text/plain', ...expiryHeader(outcome) })
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
  return sendProblem(reply, 'condition-not-met', failedConditionDetail(version));
}

export function failedConditionDetail(version: number): string {
  return version === 0 ? 'The key has no value.' : `The key has version ${version}: its ETag is ${etagOf(version)}.`;
}

/**
 * The answer to a write that was asked to tell what there is now.
 * @param stored undefined when that is no longer known
 */
export function sendRepresentation(
  reply: FastifyReply,
  written: Outcome,
  stored: Stored | undefined,
  timing: Timing | undefined,
): FastifyReply {
  // The write is done, whatever can be told of it.
  if (stored === undefined || !hasRoomFor(reply, stored.value)) return sendWritten(reply, written, timing);
  sendTiming(reply, timing);
  reply.header('preference-applied', 'return=representation');
  return reply.code(200).headers(headersOf(stored, stored.value.length)).send(stored.value);
}

type Head = { readonly version: number; readonly contentType: string; readonly expiresAtMs?: number };

/** A value and what is told with it. */
export type Stored = Head & { readonly value: Buffer };

function sendValue(reply: FastifyReply, outcome: Stored): FastifyReply {
  const { value } = outcome;
  if (!hasRoomFor(reply, value)) return sendNoRoom(reply);
  const answerHeaders = headersOf(outcome, value.length);
  if (value.length > oneWriteBytesMax || reply.hasHeader('server-timing')) {
    return reply.code(200).headers(answerHeaders).send(value);
  }
  // As latin1 text, head and body leave in one write; as bytes they would be two, which costs a sixth of a small GET.
  reply.hijack();
  reply.raw.writeHead(200, answerHeaders);
  endInOneWrite(reply.raw, value.toString('latin1'));
  return reply;
}

function hasRoomFor(reply: FastifyReply, { length }: Buffer): boolean {
  return length <= uncountedBytesMax || shareOfAnswer(reply).take(length);
}

function sendNoRoom(reply: FastifyReply): FastifyReply {
  const { code, detail } = noRoom(reply.server.bodyBudget);
  return sendProblem(reply, code, detail);
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

/** Nothing for what never expires. */
function expiryHeader({ expiresAtMs }: { readonly expiresAtMs?: number }): Record<string, number> {
  return expiresAtMs ? { 'expires-at': expiresAtMs } : {};
}
