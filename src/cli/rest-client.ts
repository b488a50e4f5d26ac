/** Asks the public REST API, as any client does, and says in one way what went wrong. */

import { statusOfService } from '../admin/admin-client.ts';
import { urlOfKey } from '../http/key-in-url.ts';
import { type ErrorCode, KvError } from '../kv/errors.ts';
import { type Key, keyOfBase64url, keyOfText } from '../kv/key.ts';
import { CliFailure, exitCodes } from './exit.ts';

/** @throws CliFailure with the exit code for wrong usage, when the argument is no key */
export function keyOfArgument(argument: string, { base64url }: { base64url?: boolean }): Key {
  try {
    return base64url ? keyOfBase64url(argument) : keyOfText(argument);
  } catch (error) {
    if (error instanceof KvError) throw new CliFailure(exitCodes.usage, error.message, { cause: error });
    throw error;
  }
}

/** What every command has that goes over REST. */
export type RestOptions = { readonly data: string; readonly token?: string };

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
export async function restApiOf({ data, token = process.env['SHARDLITE_TOKEN'] }: RestOptions): Promise<RestApi> {
  // A header of other characters could not be sent, and the error would print it.
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new CliFailure(exitCodes.usage, 'The token has characters that no token has.');
  }
  const { url, certificate } = await statusOfService(data);
  return new RestApi(url, token, certificate === null ? fetch : await fetchTrusting(certificate));
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

export async function askForKey(options: RestOptions, key: Key, init: RequestInit): Promise<Response> {
  const api = await restApiOf(options);
  try {
    return await api.fetch(`/v1/kv/${urlOfKey(key)}`, init);
  } catch (error) {
    throw new CliFailure(exitCodes.unreachable, `The service does not answer at ${api.url}.`, { cause: error });
  }
}

/** @throws CliFailure with the detail and code of the problem document, unless the answer is a success */
export async function expectSuccess(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  throw new CliFailure(exitCodes.failed, problemText(await problemOf(answer)));
}

/** What a problem document says that matters to people and to decisions. */
export type Problem = { readonly code: ErrorCode; readonly detail: string };

export async function problemOf(answer: Response): Promise<Problem> {
  return (await answer.json()) as Problem;
}

export function problemText({ code, detail }: Problem): string {
  return `${detail} (${code})`;
}

/** fetch says "fetch failed" and keeps the reason in the cause. */
export function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
