/**
 * One line of an import, as the listing writes it: `key` or `keyBase64url`, `value` or `valueBase64`, and, where they
 * are known, `contentType` and `expiresAt`. `version` and `bytes` are there for readers. Pure.
 */

import { KvError } from '../kv/errors.ts';
import { type Key, keyOfBase64url, keyOfText } from '../kv/key.ts';

export type Entry = {
  readonly key: Key;
  readonly value: Buffer;
  readonly contentType: string | undefined;
  /** Unix milliseconds. */
  readonly expiresAt: number | undefined;
};

const fields = ['key', 'keyBase64url', 'value', 'valueBase64', 'contentType', 'expiresAt', 'version', 'bytes'];

/** @throws KvError batch-malformed, key-empty, key-malformed, key-too-long */
export function entryOfLine(line: Buffer | undefined): Entry {
  if (line === undefined) throw malformed('The line is longer than any entry can be.');
  const found = parsed(line);
  const unknown = Object.keys(found).find((field) => !fields.includes(field));
  if (unknown !== undefined) {
    throw malformed(`An entry has no field ${JSON.stringify(unknown)}; allowed are ${fields.join(', ')}.`);
  }
  const expiresAt = found['expiresAt'];
  if (expiresAt !== undefined && !Number.isSafeInteger(expiresAt)) {
    throw malformed('"expiresAt" is a whole number: Unix milliseconds.');
  }
  const [key, keyBase64url] = oneTextOf(found, 'key', 'keyBase64url');
  const [value, valueBase64] = oneTextOf(found, 'value', 'valueBase64');
  return {
    key: key === undefined ? keyOfBase64url(keyBase64url as string) : keyOfText(key),
    value: value === undefined ? bytesOfBase64(valueBase64 as string) : Buffer.from(value),
    contentType: textIn(found, 'contentType'),
    expiresAt: expiresAt as number | undefined,
  };
}

/** The entry as a line of a batch: its value as text or in base64, whichever is shorter. */
export function batchLineOf({ key, value, contentType, expiresAt }: Entry): string {
  const head = { op: 'put', keyBase64url: key.toString('base64url'), contentType, expiresAt };
  const base64 = value.toString('base64');
  const text = value.toString();
  // Text that is not the value's bytes is of a value that is not UTF-8.
  const isShortText = JSON.stringify(text).length <= base64.length && Buffer.from(text).equals(value);
  return `${JSON.stringify({ ...head, ...(isShortText ? { value: text } : { valueBase64: base64 }) })}\n`;
}

function oneTextOf(
  found: { readonly [field: string]: unknown },
  text: string,
  encoded: string,
): [string | undefined, string | undefined] {
  const pair: [string | undefined, string | undefined] = [textIn(found, text), textIn(found, encoded)];
  if ((pair[0] === undefined) === (pair[1] === undefined))
    throw malformed(`An entry has either "${text}" or "${encoded}".`);
  return pair;
}

function textIn(found: { readonly [field: string]: unknown }, field: string): string | undefined {
  const value = found[field];
  if (value === undefined) return undefined;
  // A half of a surrogate pair has no bytes in UTF-8.
  if (typeof value === 'string' && !/\p{Surrogate}/u.test(value)) return value;
  throw malformed(`"${field}" is a string of Unicode characters.`);
}

function bytesOfBase64(text: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw malformed('"valueBase64" is not base64.');
  return Buffer.from(text, 'base64');
}

function parsed(line: Buffer): { readonly [field: string]: unknown } {
  let found: unknown;
  try {
    found = JSON.parse(line.toString());
  } catch (error) {
    throw malformed(`The line is not JSON: ${(error as Error).message}.`);
  }
  if (typeof found === 'object' && found !== null && !Array.isArray(found))
    return found as { [field: string]: unknown };
  throw malformed('The line is not a JSON object.');
}

function malformed(detail: string): KvError {
  return new KvError('batch-malformed', detail);
}
