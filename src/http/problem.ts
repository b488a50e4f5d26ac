/**
 * Errors as clients see them: RFC 9457 problem documents with a stable `code` from the error table, whatever
 * part of the HTTP stack noticed the error. The only place that turns errors into answers.
 */

import type { ServerResponse } from 'node:http';
import type { FastifyError, FastifyReply } from 'fastify';
import { type ErrorCode, errorTable, KvError } from '../kv/errors.ts';
import { errorStatus } from './error-status.ts';
import { endAndLinger } from './lingering-close.ts';

export const problemContentType = 'application/problem+json';

/** Seconds. A shard is usually back within one. */
const retryAfterS = 1;

type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
};

function problemOf(code: ErrorCode, detail: string): Problem {
  const { status, title } = errorStatus[code];
  return { type: `urn:shardlite:problem:${code}`, title, status, code, detail };
}

/** RFC 6750, 3. */
const challenges: { readonly [C in ErrorCode]?: string } = {
  'token-required': 'Bearer realm="shardlite"',
  'token-invalid': 'Bearer realm="shardlite", error="invalid_token"',
  'access-denied': 'Bearer realm="shardlite", error="insufficient_scope"',
};

/** What an error says in headers. */
function headersOf(code: ErrorCode): Record<string, string | number> {
  const challenge = challenges[code];
  return {
    ...(errorTable[code].retryable && { 'retry-after': retryAfterS }),
    ...(challenge !== undefined && { 'www-authenticate': challenge }),
  };
}

export function sendProblem(reply: FastifyReply, code: ErrorCode, detail: string): FastifyReply {
  const { status } = errorStatus[code];
  for (const [name, value] of Object.entries(headersOf(code))) {
    // Whoever knows better has said it.
    if (!reply.hasHeader(name)) reply.header(name, value);
  }
  // Serialised here: Fastify would pick a serializer by route, and errors have none.
  return reply.code(status).type(problemContentType).serializer(JSON.stringify).send(problemOf(code, detail));
}

/** The answer to a request of which nothing more is wanted, not even its body: the connection ends with it. */
export function answerProblem(response: ServerResponse, { code, message }: KvError): void {
  const body = JSON.stringify(problemOf(code, message));
  response.writeHead(errorStatus[code].status, {
    ...headersOf(code),
    connection: 'close',
    'content-type': problemContentType,
    'content-length': Buffer.byteLength(body),
  });
  endAndLinger(response, body);
}

/** A whole HTTP answer for a connection that never became a request. */
export function rawProblem(code: ErrorCode, detail: string): string {
  const body = JSON.stringify(problemOf(code, detail));
  const { status, title } = errorStatus[code];
  return (
    `HTTP/1.1 ${status} ${title}\r\nconnection: close\r\ncontent-type: ${problemContentType}\r\n` +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

/** The row of the error table for whatever a handler, Fastify or Node threw. */
export function kvErrorOf(error: unknown): KvError {
  if (error instanceof KvError) return error;
  switch ((error as FastifyError).code) {
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_EMPTY_TYPE':
    case 'FST_ERR_ROUTE_MISSING_CONTENT_TYPE':
      return new KvError('content-type-invalid', 'The Content-Type header is not a media type like text/plain.');
    case 'FST_ERR_BAD_URL':
      return new KvError('key-malformed', 'The path is not percent-encoded UTF-8: write % itself as %25.');
    case 'HPE_HEADER_OVERFLOW':
      return new KvError('headers-too-large', 'All request headers together may have at most 16 KiB.');
    case 'HPE_INVALID_URL':
      return new KvError(
        'request-malformed',
        'The URL has bytes that no URL may have: percent-encode them, ü as %C3%BC.',
      );
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new KvError('request-timeout', 'The request did not arrive completely in time.');
    case 'ECONNRESET':
    case 'ECONNABORTED':
      return new KvError('request-malformed', 'The client went away before its request was complete.');
    default:
      if (typeof (error as FastifyError).code === 'string' && (error as FastifyError).code.startsWith('HPE_')) {
        return new KvError('request-malformed', 'The bytes are not an HTTP/1.1 request.');
      }
      return new KvError('internal-error', 'This is a defect of the service. Its log has the details.', {
        cause: error,
      });
  }
}
