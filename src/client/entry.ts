/** What the service says of a key, from the headers of an answer or from JSON. Pure. */

import { type NamedKey, namedKeyOf } from './key.ts';
import type { Answer } from './sender.ts';
import { unexpectedAnswer } from './shardlite-error.ts';
import { bytesOfBase64, decodedOf } from './value.ts';

/** A key and the metadata of its value. */
export type Described = NamedKey & {
  /** The version of the key: it grows with each write. */
  readonly version: number;
  readonly contentType: string;
  /** When the value expires, in Unix milliseconds; absent for never. */
  readonly expiresAt?: number;
  /** Size of the value in bytes. */
  readonly bytes: number;
};

/** A key with its value: JSON where the content type says so, a string where it is text, bytes otherwise. */
export type Entry<T = unknown> = Described & { readonly value: T };

/** With a delimiter: the common prefix of several keys, up to the end of the delimiter. */
export type CommonPrefix = { readonly prefix: string; readonly prefixBytes?: Uint8Array };

/** An entry of a listing, or the result of an operation, as it stands in JSON. */
export type JsonEntry = {
  readonly key?: string;
  readonly keyBase64url?: string;
  readonly prefix?: string;
  readonly prefixBase64url?: string;
  readonly version: number;
  readonly contentType?: string;
  readonly expiresAt?: number;
  readonly bytes?: number;
  readonly value?: string;
  readonly valueBase64?: string;
};

export function entryOfAnswer(name: NamedKey, answer: Answer): Entry<Uint8Array<ArrayBuffer>> {
  const { headers, bytes } = answer;
  return {
    ...name,
    version: versionOf(answer),
    contentType: headers.get('content-type') ?? '',
    ...expiryIn(headers),
    bytes: bytes.length,
    value: bytes,
  };
}

export function withValue(entry: Entry<Uint8Array>): Entry {
  return { ...entry, value: decodedOf(entry.value, entry.contentType) };
}

export function entryOfJson(entry: JsonEntry): Described | Entry | CommonPrefix {
  const { prefix, prefixBase64url, key, keyBase64url } = entry;
  if (prefix !== undefined || prefixBase64url !== undefined) {
    const { key, keyBytes } = namedKeyOf(prefix, prefixBase64url);
    return keyBytes === undefined ? { prefix: key } : { prefix: key, prefixBytes: keyBytes };
  }
  return describedOf(namedKeyOf(key, keyBase64url), entry);
}

export function describedOf(name: NamedKey, entry: JsonEntry): Described | Entry {
  const { version, contentType = 'application/octet-stream', expiresAt } = entry;
  const value = bytesIn(entry);
  const described = {
    ...name,
    version,
    contentType,
    ...(expiresAt !== undefined && { expiresAt }),
    bytes: entry.bytes ?? value?.length ?? 0,
  };
  return value === undefined ? described : { ...described, value: decodedOf(value, contentType) };
}

/** A proxy that compresses makes the tag a weak one. @throws ShardliteError `unexpected-answer` where there is none */
export function versionOf({ status, headers }: Pick<Answer, 'status' | 'headers'>): number {
  const [, version] = /^(?:W\/)?"(\d{1,16})"$/.exec(headers.get('etag') ?? '') ?? [];
  if (version === undefined) throw unexpectedAnswer(status, 'it has no version');
  return Number(version);
}

export function expiryIn(headers: Headers): { readonly expiresAt?: number } {
  const text = headers.get('expires-at');
  return text === null ? {} : { expiresAt: Number(text) };
}

function bytesIn({ value, valueBase64 }: JsonEntry): Uint8Array<ArrayBuffer> | undefined {
  if (value !== undefined) return new TextEncoder().encode(value);
  return valueBase64 === undefined ? undefined : bytesOfBase64(valueBase64);
}
