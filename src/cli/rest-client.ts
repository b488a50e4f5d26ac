/** Reads and writes values through the public REST API, as any client does. */

import { statusOfService } from '../admin/admin-client.ts';
import { urlOfKey } from '../http/key-in-url.ts';
import { KvError } from '../kv/errors.ts';
import { type Key, keyOfBase64url, keyOfText } from '../kv/key.ts';
import { CliFailure, exitCodes } from './exit.ts';

/** @throws CliFailure usage, when the argument is no key */
export function keyOfArgument(argument: string, { base64url }: { base64url?: boolean }): Key {
  try {
    return base64url ? keyOfBase64url(argument) : keyOfText(argument);
  } catch (error) {
    if (error instanceof KvError) throw new CliFailure(exitCodes.usage, error.message, { cause: error });
    throw error;
  }
}

export async function askForKey(data: string, key: Key, init: RequestInit): Promise<Response> {
  const { url } = await statusOfService(data);
  try {
    return await fetch(`${url}/v1/kv/${urlOfKey(key)}`, init);
  } catch (error) {
    throw new CliFailure(exitCodes.unreachable, `The service does not answer at ${url}.`, { cause: error });
  }
}

/** @throws CliFailure with what the problem document says, unless the answer is a success */
export async function expectSuccess(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  const { code, detail } = (await answer.json()) as { code: string; detail: string };
  throw new CliFailure(exitCodes.failed, `${detail} (${code})`);
}
