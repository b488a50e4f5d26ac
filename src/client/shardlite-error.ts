/** What went wrong, as a program can act on it: the service's own codes, and three of the client's. */

import type { ErrorCode } from '../kv/errors.ts';

/**
 * The service's codes (docs/api.md has the table) and:
 * - `no-answer`: nothing answered within the deadline. A write may or may not have been applied.
 * - `certificate-untrusted`: whoever answers has a TLS certificate that is not trusted here. Nothing was sent to it.
 * - `unexpected-answer`: something answered that is no Shardlite, such as a proxy.
 */
export type ShardliteErrorCode = ErrorCode | 'no-answer' | 'certificate-untrusted' | 'unexpected-answer';

/**
 * A request that failed, and was asked again for as long as that could help.
 *
 * @example
 * try {
 *   await kv.put('users/ada', ada, { ifAbsent: true });
 * } catch (error) {
 *   if (!(error instanceof ShardliteError) || error.code !== 'condition-not-met') throw error;
 *   console.log('Somebody else was faster.');
 * }
 */
export class ShardliteError extends Error {
  override readonly name = 'ShardliteError';
  readonly code: ShardliteErrorCode;
  /** The HTTP status; 0 where nothing answered, or nothing was sent. */
  readonly status: number;

  constructor(code: ShardliteErrorCode, status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.status = status;
  }
}

/**
 * Tells whether an error is one of the service or its client, with this code. Never throws.
 *
 * @example
 * if (hasCode(error, 'condition-not-met')) console.log('Somebody else was faster.');
 */
export function hasCode(error: unknown, code: ShardliteErrorCode): error is ShardliteError {
  return error instanceof ShardliteError && error.code === code;
}

/** What an answer other than a success says. */
export function errorOf(status: number, body: string): ShardliteError {
  const problem = problemIn(body);
  if (problem !== undefined) return new ShardliteError(problem.code, status, problem.detail);
  // On one line, and without what steers a terminal.
  const text = body.slice(0, 200).replace(/[\s\p{C}]+/gu, ' ');
  return new ShardliteError('unexpected-answer', status, `The answer has status ${status}: ${text}`);
}

/** An answer with a status of success that no Shardlite gives: a proxy's, or a page for people. */
export function unexpectedAnswer(status: number, why: string): ShardliteError {
  return new ShardliteError('unexpected-answer', status, `The answer is not one of Shardlite: ${why}`);
}

/** The body of an answer as JSON. @throws ShardliteError `unexpected-answer` */
export function jsonBodyOf(status: number, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw unexpectedAnswer(status, 'it is not JSON');
  }
}

function problemIn(body: string): { readonly code: ErrorCode; readonly detail: string } | undefined {
  try {
    const { code, detail } = JSON.parse(body);
    return typeof code === 'string' && typeof detail === 'string' ? { code: code as ErrorCode, detail } : undefined;
  } catch {
    return undefined;
  }
}
