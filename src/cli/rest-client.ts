/**
 * Asks the public REST API, as any client does: `ShardliteClient` for keys, and `RestApi` below it for whoever streams
 * or wants an answer as it is.
 */

import { statusOfService } from '../admin/admin-client.ts';
import { connect, type ShardliteClient } from '../client/connect.ts';
import { isPassing, reasonOf, untrustedError } from '../client/sender.ts';
import { errorOf, ShardliteError, type ShardliteErrorCode } from '../client/shardlite-error.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { failureText } from './next-step.ts';
import { clearLine } from './progress-bar.ts';
import { type RestOptions, restTargetOf } from './rest-target.ts';

/** The REST API of a service, as one client asks it. */
export class RestApi {
  readonly url: string;
  /** Without a useful answer for so long, whoever asks gives up. */
  readonly deadlineMs: number;
  readonly #token: string | undefined;
  readonly #fetch: typeof fetch;

  constructor(url: string, deadlineMs: number, token?: string, ask: typeof fetch = fetch) {
    this.url = url;
    this.deadlineMs = deadlineMs;
    this.#token = token;
    this.#fetch = ask;
  }

  /**
   * @param path begins with a slash
   * @throws CliFailure when asking again cannot help, any other error when it may
   */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#token !== undefined) headers.set('authorization', `Bearer ${this.#token}`);
    try {
      return await this.#fetch(`${this.url}${path}`, { ...init, headers: Object.fromEntries(headers) });
    } catch (error) {
      if (!(error instanceof ShardliteError)) throw error;
      const { code, message: detail } = error;
      throw new CliFailure(exitCodes.unreachable, failureText({ code, detail }), { cause: error });
    }
  }
}

/** @throws ServiceUnreachable, CliFailure */
export async function restApiOf(options: RestOptions): Promise<RestApi> {
  const { token, deadlineMs, at } = restTargetOf(options, process.env);
  const { url, ask } = await reached(at);
  return new RestApi(url, deadlineMs, token, noting(ask));
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
    if (!isAway) note(`${why}: asking again.`);
    isAway = true;
  };
  return async (target, init) => {
    try {
      const answer = await ask(target, init);
      if (answer.status >= 502 && answer.status <= 504) away(`The service answers ${answer.status}`);
      else if (isAway) {
        isAway = false;
        note('The service answers again.');
      }
      return answer;
    } catch (error) {
      const { origin } = new URL(String(target));
      const untrusted = untrustedError(origin, error);
      if (untrusted !== undefined) throw untrusted;
      if (init?.signal?.aborted !== true) away(`${origin} gives no answer (${reasonOf(error)})`);
      throw error;
    }
  };
}

/** Above a progress bar, where there is one. */
function note(sentence: string): void {
  console.error(`${process.stderr.isTTY ? clearLine : ''}shardctl: ${sentence}`);
}

/** What a problem document says that matters to people and to decisions. */
export type Problem = { readonly code: ShardliteErrorCode; readonly detail: string };

/**
 * A proxy in front of a service that is away answers for it: then it is `no-answer`.
 * @throws CliFailure when something else answered that is no Shardlite
 */
export async function problemOf(answer: Response): Promise<Problem> {
  const { code, message } = errorOf(answer.status, await answer.text());
  if (code !== 'unexpected-answer') return { code, detail: message };
  if (isPassing(answer.status)) return { code: 'no-answer', detail: message };
  throw new CliFailure(exitCodes.failed, unexpectedText(message));
}

/** What is said of an answer that no Shardlite gives. */
export function unexpectedText(detail: string): string {
  return failureText({ code: 'unexpected-answer', detail });
}

export function problemText({ code, detail }: Problem): string {
  return `${detail} (${code})`;
}
