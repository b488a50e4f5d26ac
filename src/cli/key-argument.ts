/** Keys as the command line writes and shows them. Pure. */

import { isUtf8 } from 'node:buffer';
import type { Key as ClientKey, NamedKey } from '../client/key.ts';
import { KvError } from '../kv/errors.ts';
import { type Key, keyOfBase64url, keyOfText } from '../kv/key.ts';
import { CliFailure, exitCodes } from './exit.ts';

export type KeyEncoding = { readonly base64url?: boolean };

/** @throws CliFailure with the exit code for wrong usage, when the argument is no key */
export function keyOfArgument(argument: string, { base64url }: KeyEncoding): Key {
  try {
    return base64url ? keyOfBase64url(argument) : keyOfText(argument);
  } catch (error) {
    if (error instanceof KvError) throw new CliFailure(exitCodes.usage, error.message, { cause: error });
    throw error;
  }
}

/** The same for the client, to which text is text. @throws as `keyOfArgument` does */
export function clientKeyOf(argument: string, encoding: KeyEncoding): ClientKey {
  const key = keyOfArgument(argument, encoding);
  return encoding.base64url ? key : argument;
}

/** A part of a key, such as a prefix, which may be empty. @throws CliFailure with the exit code for wrong usage */
export function keyPartOf(text: string | undefined, { base64url }: KeyEncoding): ClientKey | undefined {
  if (text === undefined || !base64url) return text;
  if (/^[\w-]*$/.test(text)) return Buffer.from(text, 'base64url');
  throw new CliFailure(
    exitCodes.usage,
    `${JSON.stringify(text)} is not base64url. Encode it, or leave --base64url out.`,
  );
}

/** For people, and on one line: what is no text, or would steer a terminal, in base64url. */
export function shownKey(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString();
  return isUtf8(bytes) && !/\p{C}/u.test(text) ? text : `base64url ${base64urlOf(bytes)}`;
}

export function bytesOfNamed({ key, keyBytes }: NamedKey): Uint8Array {
  return keyBytes ?? Buffer.from(key);
}

export function base64urlOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

/** As the REST API writes it in JSON. */
export function keyFieldsOf({ key, keyBytes }: NamedKey): { readonly key: string } | { readonly keyBase64url: string } {
  return keyBytes === undefined ? { key } : { keyBase64url: base64urlOf(keyBytes) };
}
