/**
 * Keys and values in JSON, written and read: as text where their bytes are UTF-8, under another name in base64 where
 * they are not. Whatever does not stand for exactly one row of bytes is refused, never mended: JSON.parse and Node's
 * decoders would put U+FFFD for broken UTF-8, and drop what is left over of base64.
 */

import { isUtf8 } from 'node:buffer';
import { KvError } from '../../kv/errors.ts';
import { type Key, keyOfBase64url, keyOfText } from '../../kv/key.ts';

/** A JSON object that came from outside. */
export type Fields = { readonly [name: string]: unknown };

export function keyFields(key: Key): { key: string } | { keyBase64url: string } {
  return isUtf8(key) ? { key: key.toString() } : { keyBase64url: key.toString('base64url') };
}

export function prefixFields(prefix: Buffer): { prefix: string } | { prefixBase64url: string } {
  return isUtf8(prefix) ? { prefix: prefix.toString() } : { prefixBase64url: prefix.toString('base64url') };
}

export function valueFields(value: Buffer): { value: string } | { valueBase64: string } {
  return isUtf8(value) ? { value: value.toString() } : { valueBase64: value.toString('base64') };
}

/** What is known of a value. The type and the expiry are left out where there is none. */
export function describedFields(described: Described): object {
  const { version, contentType } = described;
  return { version, ...(contentType !== '' && { contentType }), ...expiryField(described) };
}

export function expiryField({ expiresAtMs }: Pick<Described, 'expiresAtMs'>): { expiresAt?: number } {
  return expiresAtMs === undefined ? {} : { expiresAt: expiresAtMs };
}

type Described = { readonly version: number; readonly contentType: string; readonly expiresAtMs?: number };

/**
 * Any JSON value.
 * @param what names the bytes in the error, e.g. `Line 3`
 * @throws KvError batch-malformed
 */
export function jsonOf(bytes: Buffer, what: string): unknown {
  if (!isUtf8(bytes)) {
    throw malformed(`${what} is not UTF-8: other bytes are written in base64, as "keyBase64url" and "valueBase64".`);
  }
  try {
    return JSON.parse(bytes.toString());
  } catch (error) {
    throw malformed(`${what} is not JSON: ${(error as Error).message}.`);
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws KvError batch-malformed, key-empty, key-malformed, key-too-long */
export function keyIn(fields: Fields): Key {
  const [text, base64url] = oneOf(fields, 'key', 'keyBase64url');
  return text === undefined ? keyOfBase64url(base64url as string) : keyOfText(text);
}

/** Of any length. @throws KvError batch-malformed */
export function valueIn(fields: Fields): Buffer {
  const [text, base64] = oneOf(fields, 'value', 'valueBase64');
  if (text !== undefined) return Buffer.from(text);
  if (!isBase64(base64 as string)) throw malformed('"valueBase64" is not base64 (RFC 4648, 4).');
  return Buffer.from(base64 as string, 'base64');
}

/** Undefined when there is no such field. @throws KvError batch-malformed */
export function textIn(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  // Half of a surrogate pair has no bytes in UTF-8.
  if (typeof value === 'string' && !/\p{Surrogate}/u.test(value)) return value;
  throw malformed(`"${name}" must be a string of Unicode characters.`);
}

export function malformed(detail: string): KvError {
  return new KvError('batch-malformed', detail);
}

/** Exactly one of the two is there. */
function oneOf(fields: Fields, text: string, encoded: string): [string | undefined, string | undefined] {
  const pair: [string | undefined, string | undefined] = [textIn(fields, text), textIn(fields, encoded)];
  if ((pair[0] === undefined) !== (pair[1] === undefined)) return pair;
  throw malformed(`either "${text}" or "${encoded}" is needed, and not both.`);
}

/** Padded to a multiple of four characters, or not padded at all. */
function isBase64(text: string): boolean {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return false;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  // One character alone has six bits, which make no byte.
  return (text.length - padding) % 4 !== 1 && (padding === 0 || text.length % 4 === 0);
}
