/** Listings, page after page. */

import { type CommonPrefix, type Described, type Entry, entryOfJson, type JsonEntry } from './entry.ts';
import { type Key, keyPartsOf, queryOf } from './key.ts';
import type { Sender } from './sender.ts';
import type { CallOptions } from './write-options.ts';

export type ListOptions = CallOptions & {
  /** Only keys that begin so. */
  readonly prefix?: Key;
  /** Only this key, if it is there, and those after it in the order of the listing. In place of `startAfter`. */
  readonly start?: Key;
  /** Only keys after this one in the order of the listing. */
  readonly startAfter?: Key;
  /** From the last key to the first. */
  readonly reverse?: boolean;
  /** Keys that have this after the prefix are listed once, as what they have in common up to its end. */
  readonly delimiter?: Key;
  /** With the values. */
  readonly values?: boolean;
  /** Keys that are read at a time: 1 to 1,000, which it is unless said. */
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
    const { bytes } = await sender.ask({ method: 'GET', path, signal });
    const { entries, next } = JSON.parse(new TextDecoder().decode(bytes)) as JsonPage;
    for (const entry of entries) yield entryOfJson(entry);
    cursor = next ?? undefined;
  } while (cursor !== undefined);
}
