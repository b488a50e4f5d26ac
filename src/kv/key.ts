/** A key is 1–1,024 bytes. Here text and base64url become keys; how a URL writes one is in `http/key-in-url.ts`. */

import { KvError } from './errors.ts';

export type Key = Buffer;

export const keyBytesMax = 1024;

const base64urlText = /^[A-Za-z0-9_-]*$/;

/** @throws KvError key-empty, key-malformed, key-too-long */
export function keyOfBase64url(text: string): Key {
  if (!base64urlText.test(text) || text.length % 4 === 1) {
    throw new KvError(
      'key-malformed',
      'The key is not base64url: allowed are A–Z, a–z, 0–9, - and _, without padding.',
    );
  }
  return keyOfBytes(Buffer.from(text, 'base64url'));
}

/** @throws KvError key-empty, key-too-long */
export function keyOfText(text: string): Key {
  return keyOfBytes(Buffer.from(text, 'utf8'));
}

/** @throws KvError key-empty, key-too-long */
export function keyOfBytes(key: Buffer): Key {
  if (key.length === 0) throw new KvError('key-empty', `A key must have 1 to ${keyBytesMax} bytes.`);
  if (key.length > keyBytesMax) {
    throw new KvError('key-too-long', `The key has ${key.length} bytes, but may have at most ${keyBytesMax}.`);
  }
  return key;
}
