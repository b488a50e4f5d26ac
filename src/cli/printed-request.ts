/** `--curl`: the client makes the request, which is printed and called off. */

import type { ShardliteClient } from '../client/connect.ts';
import { curlText } from './curl-text.ts';
import { printLine } from './output.ts';
import { clientOf } from './rest-client.ts';
import { type RestOptions, restTargetOf } from './rest-target.ts';

/**
 * @param body the options by which curl gets the body
 * @param ask asks the client for what would be asked; the signal calls it off
 */
export async function printRequest(
  options: RestOptions,
  body: readonly string[],
  ask: (client: ShardliteClient, signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const { isTokenFromEnvironment } = restTargetOf(options, process.env);
  const printed = new AbortController();
  const print: typeof fetch = async (url, init) => {
    const tokenVariable = isTokenFromEnvironment ? 'SHARDLITE_TOKEN' : undefined;
    const method = init?.method ?? 'GET';
    printLine(curlText({ method, url: String(url), headers: new Headers(init?.headers), body, tokenVariable }));
    printed.abort(new Error('printed'));
    throw printed.signal.reason;
  };
  try {
    await ask(await clientOf(options, print), printed.signal);
  } catch (error) {
    if (!printed.signal.aborted) throw error;
  }
}
