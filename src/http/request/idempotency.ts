/**
 * The header Idempotency-Key: a client that may send a write again names it, and the owner of the key applies it once.
 * The name counts for one key and one request, of which a fingerprint is kept.
 */

import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { KvError } from '../../kv/errors.ts';
import { fingerprintBytes, type IdempotencyKey } from '../../kv/idempotency-key.ts';
import type { Key } from '../../kv/key.ts';
import { opIdBytes } from '../../kv/op-id.ts';

export const idempotencyKeyBytesMax = 255;

/**
 * @param asked everything that makes the request what it is
 * @returns as a part of a write; nothing when the client gave no name
 * @throws KvError idempotency-key-invalid
 */
export function idempotencyKeyOf(
  headers: IncomingHttpHeaders,
  key: Key,
  asked: readonly (string | Buffer)[],
): { idempotencyKey?: IdempotencyKey } {
  const name = nameIn(headers);
  return name === undefined ? {} : { idempotencyKey: idempotencyKey(name, key, asked) };
}

/** @throws KvError idempotency-key-invalid */
export function nameIn(headers: IncomingHttpHeaders): string | undefined {
  const name = headers['idempotency-key'];
  if (name === undefined) return undefined;
  if (typeof name === 'string' && name.length <= idempotencyKeyBytesMax && /^[\x21-\x7e]+$/.test(name)) return name;
  throw new KvError(
    'idempotency-key-invalid',
    `An Idempotency-Key is 1 to ${idempotencyKeyBytesMax} visible ASCII characters, such as a UUID.`,
  );
}

export function idempotencyKey(name: string, key: Key, asked: readonly (string | Buffer)[]): IdempotencyKey {
  return {
    opId: hashOf([name, key]).subarray(0, opIdBytes),
    fingerprint: hashOf(asked).subarray(0, fingerprintBytes),
  };
}

/** Each part with its length: no two lists of parts are hashed alike. */
function hashOf(parts: readonly (string | Buffer)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest();
}
