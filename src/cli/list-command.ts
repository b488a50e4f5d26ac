/** `shardctl list`: the keys that there are, in the order of their bytes, one a line. */

import type { CommonPrefix, Described } from '../client/entry.ts';
import type { ListOptions } from '../client/list-pages.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { base64urlOf, bytesOfNamed, type KeyEncoding, keyFieldsOf, keyPartOf, shownKey } from './key-argument.ts';
import { printAll } from './output.ts';
import { printRequest } from './printed-request.ts';
import { clientOf } from './rest-client.ts';
import type { RestOptions } from './rest-target.ts';

type ListCommandOptions = RestOptions &
  KeyEncoding & {
    readonly prefix?: string;
    readonly delimiter?: string;
    readonly start?: string;
    readonly startAfter?: string;
    readonly reverse?: boolean;
    readonly limit?: string;
    readonly json?: boolean;
    readonly curl?: boolean;
  };

const pageSizeMax = 1_000;

export async function listCommand(options: ListCommandOptions): Promise<void> {
  const limit = limitOf(options.limit);
  const asked = questionOf(options, limit);
  if (options.curl) {
    return printRequest(options, [], (client, signal) => client.list({ ...asked, signal }).next());
  }
  const entries: AsyncIterable<Described | CommonPrefix> = (await clientOf(options)).list(asked);
  await printAll(linesOf(entries, limit, options));
}

function questionOf(options: ListCommandOptions, limit: number): ListOptions {
  const { reverse } = options;
  const parts = [options.prefix, options.delimiter, options.start, options.startAfter];
  const [prefix, delimiter, start, startAfter] = parts.map((part) => keyPartOf(part, options));
  return {
    ...(prefix !== undefined && { prefix }),
    ...(delimiter !== undefined && { delimiter }),
    ...(start !== undefined && { start }),
    ...(startAfter !== undefined && { startAfter }),
    ...(reverse !== undefined && { reverse }),
    pageSize: Math.min(limit, pageSizeMax),
  };
}

async function* linesOf(
  entries: AsyncIterable<Described | CommonPrefix>,
  limit: number,
  { json, base64url }: ListCommandOptions,
): AsyncGenerator<string> {
  let count = 0;
  for await (const entry of entries) {
    yield `${json ? JSON.stringify(jsonOf(entry)) : textOf(entry, base64url === true)}\n`;
    if (++count === limit) return;
  }
}

function textOf(entry: Described | CommonPrefix, isBase64url: boolean): string {
  const bytes = bytesOfNamed('prefix' in entry ? namedPrefix(entry) : entry);
  return isBase64url ? base64urlOf(bytes) : shownKey(bytes);
}

/** As an entry of a listing of the REST API. */
function jsonOf(entry: Described | CommonPrefix): object {
  if ('prefix' in entry) {
    return entry.prefixBytes === undefined
      ? { prefix: entry.prefix }
      : { prefixBase64url: base64urlOf(entry.prefixBytes) };
  }
  const { key, keyBytes, ...described } = entry;
  return { ...keyFieldsOf({ key, ...(keyBytes && { keyBytes }) }), ...described };
}

function namedPrefix({ prefix, prefixBytes }: CommonPrefix) {
  return { key: prefix, ...(prefixBytes && { keyBytes: prefixBytes }) };
}

function limitOf(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new CliFailure(exitCodes.usage, `--limit is ${JSON.stringify(text)}, but must be a whole number from 1 on.`);
}
