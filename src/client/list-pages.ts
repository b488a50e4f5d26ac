/** Listings, page after page. */

import { type CommonPrefix, type Described, type Entry, entryOfJson, type JsonEntry } from './entry.ts';
import { type Key, keyPartsOf, queryOf } from './key.ts';
import type { Sender } from './sender.ts';
import { jsonBodyOf, unexpectedAnswer } from './shardlite-error.ts';
import type { CallOptions } from './write-options.ts';

export type ListOptions = CallOptions & {
  /** Only keys with this prefix. */
  readonly prefix?: Key;
  /** Begin at this key, in the order of the listing. Use this or `startAfter`. */
  readonly start?: Key;
  /** Begin after this key, in the order of the listing. */
  readonly startAfter?: Key;
  /** From the last key to the first. */
  readonly reverse?: boolean;
  /** Group keys by their common prefix up to this text: `/` lists folders. */
  readonly delimiter?: Key;
  /** Include the values. */
  readonly values?: boolean;
  /** Number of keys per request: 1 to 1,000, which is the default. */
  readonly pageSize?: number;
};

/** What a listing with these options gives. */
export type Listed<Options extends ListOptions> =
  | (Options extends { readonly values: true } ? Entry : Described)
  | (Options extends { readonly delimiter: Key } ? CommonPrefix : never);

type JsonPage = { readonly entries: readonly JsonEntry[]; readonly next: string | null };

export async function* listEntries(
  sender: Sender,
  { prefix, start, startAfter, reverse, delimiter, values, pageSize = 1_000, signal }: ListOptions,
): AsyncGenerator<Described | Entry | CommonPrefix, void, undefined> {
  const asked = {
    ...keyPartsOf({ prefix, start, 'start-after': startAfter, delimiter }),
    reverse: reverse ? 'true' : undefined,
    values: values ? 'true' : undefined,
    limit: String(pageSize),
  };
  let cursor: string | undefined;
  do {
    const path = `/v1/kv${queryOf({ ...asked, cursor })}`;
    const { status, bytes } = await sender.ask({ method: 'GET', path, signal });
    const { entries, next } = (jsonBodyOf(status, bytes) ?? {}) as Partial<JsonPage>;
    if (!Array.isArray(entries)) throw unexpectedAnswer(status, 'it has no entries');
    for (const entry of entries) yield entryOfJson(entry);
    cursor = next ?? undefined;
  } while (cursor !== undefined);
}
