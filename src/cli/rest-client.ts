/**
 * Asks the public REST API, as any client does: `ShardliteClient` for keys, and `RestApi` below it for whoever streams
 * or wants an answer as it is.
 */

import { statusOfService } from '../admin/admin-client.ts';
import { connect, type ShardliteClient } from '../client/connect.ts';
import { errorOf } from '../client/shardlite-error.ts';
import type { ErrorCode } from '../kv/errors.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { failureText } from './next-step.ts';
import { type RestOptions, restTargetOf } from './rest-target.ts';

/** The REST API of a service, as one client asks it. */
export class RestApi {
  readonly url: string;
  readonly #token: string | undefined;
  readonly #fetch: typeof fetch;

  constructor(url: string, token?: string, ask: typeof fetch = fetch) {
    this.url = url;
    this.#token = token;
    this.#fetch = ask;
  }

  /** @param path begins with a slash */
  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#token !== undefined) headers.set('authorization', `Bearer ${this.#token}`);
    return this.#fetch(`${this.url}${path}`, { ...init, headers: Object.fromEntries(headers) });
  }
}

/** @throws ServiceUnreachable, CliFailure */
export async function restApiOf(options: RestOptions): Promise<RestApi> {
  const { token, ...target } = restTargetOf(options, process.env);
  const { url, ask } = await reached(target.at);
  return new RestApi(url, token, ask);
}

/**
 * A client that says on standard error when it gets no answer, and asks again.
 * @param send in place of sending each request
 * @throws ServiceUnreachable, CliFailure
 */
export async function clientOf(options: RestOptions, send?: typeof fetch): Promise<ShardliteClient> {
  const { token, deadlineMs, at } = restTargetOf(options, process.env);
  const { url, ask } = await reached(at);
  return connect(url, {
    ...(token !== undefined && { token }),
    deadlineMs,
    attemptMs: deadlineMs,
    fetch: send ?? noting(ask),
  });
}

async function reached(at: { url: string } | { data: string }): Promise<{ url: string; ask: typeof fetch }> {
  if ('url' in at) return { url: at.url, ask: fetch };
  const { url, certificate } = await statusOfService(at.data);
  return { url, ask: certificate === null ? fetch : await fetchTrusting(certificate) };
}

/**
 * What the service has told of itself over its own socket is trusted, and nothing else: it may have signed the
 * certificate itself, and the certificate rarely names the address by which this machine reaches it.
 */
async function fetchTrusting(certificate: string): Promise<typeof fetch> {
  // Loaded where it is needed: Node's own fetch cannot be told whom to trust.
  const { Agent, fetch: ask } = await import('undici');
  const connect = { ca: certificate, allowPartialTrustChain: true, checkServerIdentity: () => undefined };
  const dispatcher = new Agent({ connect });
  const trusting = (url: string, init: object) => ask(url, { ...init, dispatcher });
  return trusting as unknown as typeof fetch;
}

/** Says once that the service is away, and once that it is back: whoever waits knows what for. */
function noting(ask: typeof fetch): typeof fetch {
  let isAway = false;
  const away = (why: string) => {
    if (!isAway) console.error(`shardctl: ${why}: asking again.`);
    isAway = true;
  };
  return async (target, init) => {
    try {
      const answer = await ask(target, init);
      if (answer.status >= 502 && answer.status <= 504) away(`The service answers ${answer.status}`);
      else if (isAway) {
        isAway = false;
        console.error('shardctl: The service answers again.');
      }
      return answer;
    } catch (error) {
      if (init?.signal?.aborted !== true)
        away(`${new URL(String(target)).origin} gives no answer (${reasonOf(error)})`);
      throw error;
    }
  };
}

/** What a problem document says that matters to people and to decisions. */
export type Problem = { readonly code: ErrorCode; readonly detail: string };

/** @throws CliFailure when the answer is no problem document: something else answered */
export async function problemOf(answer: Response): Promise<Problem> {
  const { code, message } = errorOf(answer.status, await answer.text());
  if (code === 'unexpected-answer') throw new CliFailure(exitCodes.failed, unexpectedText(message));
  return { code: code as ErrorCode, detail: message };
}

/** What is said of an answer that no Shardlite gives. */
export function unexpectedText(detail: string): string {
  return failureText({ code: 'unexpected-answer', detail });
}

export function problemText({ code, detail }: Problem): string {
  return `${detail} (${code})`;
}

/** fetch says "fetch failed" and keeps the reason in the cause. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
