/** What a client may do: read, write or both, with all keys or with those of some prefixes. Pure. */

import { type Key, keyBytesMax } from '../kv/key.ts';
import { isWrite, type KeyOperation, type Operation } from '../kv/operation.ts';
import type { FailedOutcome } from '../kv/outcome.ts';

/** So many prefixes a token may have: a page of a listing asks for each of them. */
export const prefixesMax = 16;

export type Grant = {
  readonly kind: 'grant';
  /** Who it was given to, e.g. `token app`: for rate limits and logs. */
  readonly name: string;
  /** What vouches for it: the hash of a token, or the thumbprint of the key that signed a JWT. */
  readonly authority: string;
  readonly read: boolean;
  readonly write: boolean;
  /** In the order of their bytes, and none begins with another. One that is empty stands for every key. */
  readonly prefixes: readonly Buffer[];
  /** Unix milliseconds; Infinity for never. */
  readonly expiresAtMs: number;
};

const everyKey = [Buffer.alloc(0)];

/** @param texts none stands for every key */
export function prefixesOf(texts: readonly string[]): readonly Buffer[] {
  if (texts.length === 0) return everyKey;
  const sorted = texts.map((text) => Buffer.from(text)).sort(Buffer.compare);
  return sorted.filter(
    (prefix, index) => index === 0 || !sorted.slice(0, index).some((one) => beginsWith(prefix, one)),
  );
}

export function isPrefix(text: string): boolean {
  const bytes = Buffer.byteLength(text);
  return bytes >= 1 && bytes <= keyBytesMax;
}

export function covers({ prefixes }: Pick<Grant, 'prefixes'>, key: Key): boolean {
  return prefixes.some((prefix) => beginsWith(key, prefix));
}

/** The prefixes of all keys that begin with `asked` and are the grant's, in the order of their bytes. */
export function prefixesWithin({ prefixes }: Pick<Grant, 'prefixes'>, asked: Buffer): readonly Buffer[] {
  if (prefixes.some((prefix) => beginsWith(asked, prefix))) return [asked];
  return prefixes.filter((prefix) => beginsWith(prefix, asked));
}

/** Why the grant does not allow the operation, of which nothing is done then; undefined when it does. */
export function refusalOf(grant: Grant, operation: Operation): FailedOutcome | undefined {
  if (operation.kind !== 'atomic') return refusalOfOne(grant, operation);
  for (const one of operation.operations) {
    const refusal = refusalOfOne(grant, one);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

export const readDenied = denied('The token does not allow reading.');
export const writeDenied = denied('The token does not allow writing.');
const incrementDenied = denied('Adding to a number answers the number: the token has to allow reading as well.');
/** In the same words for each key: whether there is one is not told. */
const keyDenied = denied('The token does not allow this key.');

function refusalOfOne(grant: Grant, operation: KeyOperation): FailedOutcome | undefined {
  if (isWrite(operation)) {
    if (!grant.write) return writeDenied;
    if (operation.kind === 'increment' && !grant.read) return incrementDenied;
  } else if (!grant.read) return readDenied;
  return covers(grant, operation.key) ? undefined : keyDenied;
}

function denied(detail: string): FailedOutcome {
  return { kind: 'failed', code: 'access-denied', detail };
}

function beginsWith(bytes: Buffer, prefix: Buffer): boolean {
  return bytes.length >= prefix.length && bytes.compare(prefix, 0, prefix.length, 0, prefix.length) === 0;
}
