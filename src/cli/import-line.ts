/**
 * Reads one line of an import, in the form that listings have: `key` or `keyBase64url`, `value` or `valueBase64`, and
 * optionally `contentType` and `expiresAt`. `version` and `bytes` are allowed and ignored. Pure.
 */

import { isUtf8 } from 'node:buffer';
import { isFields, jsonOf, keyIn, malformed, textIn, valueIn } from '../http/request/json-fields.ts';
import type { Key } from '../kv/key.ts';

export type Entry = {
  readonly key: Key;
  readonly value: Buffer;
  readonly contentType: string | undefined;
  /** Unix milliseconds; undefined for never. */
  readonly expiresAt: number | undefined;
};

const fields = ['key', 'keyBase64url', 'value', 'valueBase64', 'contentType', 'expiresAt', 'version', 'bytes'];

const byteOrderMark = Buffer.from('\ufeff');

/** @throws KvError batch-malformed, key-empty, key-malformed, key-too-long */
export function entryOfLine(line: Buffer | undefined): Entry {
  if (line === undefined) throw malformed('The line is longer than any entry can be.');
  const found = jsonOf(line, 'The line');
  if (!isFields(found)) throw malformed('The line is not a JSON object.');
  const unknown = Object.keys(found).find((field) => !fields.includes(field));
  if (unknown !== undefined) {
    throw malformed(`An entry has no field ${JSON.stringify(unknown)}; allowed are ${fields.join(', ')}.`);
  }
  const expiresAt = found['expiresAt'];
  if (expiresAt !== undefined && !Number.isSafeInteger(expiresAt)) {
    throw malformed('"expiresAt" is a whole number: Unix milliseconds.');
  }
  return {
    key: keyIn(found),
    value: valueIn(found),
    contentType: textIn(found, 'contentType'),
    expiresAt: expiresAt as number | undefined,
  };
}

/** Some editors begin a file of UTF-8 with one. @param line the first of a file */
export function withoutByteOrderMark(line: Buffer | undefined): Buffer | undefined {
  return line?.subarray(0, byteOrderMark.length).equals(byteOrderMark) ? line.subarray(byteOrderMark.length) : line;
}

/** Writes the entry as a line of a batch, with its value as text or in base64, whichever is shorter. */
export function batchLineOf({ key, value, contentType, expiresAt }: Entry): string {
  const head = { op: 'put', keyBase64url: key.toString('base64url'), contentType, expiresAt };
  const valueBase64 = value.toString('base64');
  const text = isUtf8(value) ? value.toString() : undefined;
  const isShortText = text !== undefined && JSON.stringify(text).length <= valueBase64.length;
  return `${JSON.stringify({ ...head, ...(isShortText ? { value: text } : { valueBase64 }) })}\n`;
}
