/** Keys as a program has them, and as URLs and JSON name them. Pure. */

import { base64Of, bytesOfBase64, wholeText } from './value.ts';

/** Text, or bytes where a key is not UTF-8: 1 to 1,024 bytes. */
export type Key = string | Uint8Array;

/** What a listing or a feed says of a key. */
export type NamedKey = {
  readonly key: string;
  /** Set where the key is not UTF-8: `key` is then for reading only, and these bytes name it. */
  readonly keyBytes?: Uint8Array;
};

/** The path of a key, query included. @throws TypeError for half of a surrogate pair */
export function pathOf(
  folder: 'kv' | 'counters',
  key: Key,
  parameters: Record<string, string | undefined> = {},
): string {
  // URL parsers fold the segments "." and ".." away, percent-encoded or not.
  const isText = typeof key === 'string' && key !== '.' && key !== '..';
  const segment = isText ? encodeURIComponent(wholeText(key, 'A key')) : base64urlOf(bytesOf(key));
  const query = queryOf({ ...parameters, 'key-encoding': isText ? undefined : 'base64url' });
  return `/v1/${folder}/${segment}${query}`;
}

/** With its question mark; empty where nothing is set. */
export function queryOf(parameters: Readonly<Record<string, string | undefined>>): string {
  const set = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return set.length === 0 ? '' : `?${new URLSearchParams(set)}`;
}

/** Texts of a query that are parts of keys: all of them as text or, when one is bytes, in base64url. */
export function keyPartsOf(parts: Readonly<Record<string, Key | undefined>>): Record<string, string | undefined> {
  const isText = Object.values(parts).every((part) => part === undefined || typeof part === 'string');
  const textOf = (part: Key) => (isText ? wholeText(part as string, 'A key') : base64urlOf(bytesOf(part)));
  const texts = Object.entries(parts).map(([name, part]) => [name, part === undefined ? undefined : textOf(part)]);
  return { ...Object.fromEntries(texts), 'key-encoding': isText ? undefined : 'base64url' };
}

/** @throws TypeError for half of a surrogate pair */
export function keyFieldsOf(key: Key): { readonly key: string } | { readonly keyBase64url: string } {
  return typeof key === 'string' ? { key: wholeText(key, 'A key') } : { keyBase64url: base64urlOf(key) };
}

export function namedKeyOf(key: string | undefined, keyBase64url: string | undefined): NamedKey {
  if (key !== undefined) return { key };
  const keyBytes = bytesOfBase64((keyBase64url as string).replaceAll('-', '+').replaceAll('_', '/'));
  return { key: new TextDecoder().decode(keyBytes), keyBytes };
}

/** The same for keys that name the same, whatever their type. */
export function identityOf(key: Key): string {
  return base64urlOf(bytesOf(key));
}

function bytesOf(key: Key): Uint8Array {
  return typeof key === 'string' ? new TextEncoder().encode(wholeText(key, 'A key')) : key;
}

function base64urlOf(bytes: Uint8Array): string {
  return base64Of(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
