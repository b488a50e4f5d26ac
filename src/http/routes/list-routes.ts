/** `GET /v1/kv`: which keys there are, in the order of their bytes or from the last on: page by page, or as one stream of lines. */

import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { KeyStore } from '../../access/restricted-store.ts';
import { KvError } from '../../kv/errors.ts';
import {
  type Listing,
  type ListQuery,
  listDelimiterBytesMax,
  listLimitDefault,
  listLimitMax,
  positionBefore,
} from '../../kv/listing.ts';
import type { StoreFor } from '../admission.ts';
import { noRoom, shareOfAnswer } from '../body-budget.ts';
import { parameterErrors, type RouteDoc, storeErrors } from '../description/route-doc.ts';
import { sendProblem } from '../problem.ts';
import { describedFields, keyFields, prefixFields, valueFields } from '../request/json-fields.ts';
import {
  cursorOf,
  encodingOf,
  type KeyEncoding,
  keyPartOf,
  positionOfCursor,
  prefixOf,
} from '../request/listing-parameters.ts';
import { oneOfTexts, parametersOf, wholeNumber } from '../request/parameters.ts';
import { withHead } from './service-routes.ts';

/** Names of fields, version and type of an entry. */
const entryBytesUsual = 100;

export const listPath = '/v1/kv';
export const ndjsonContentType = 'application/x-ndjson';

const allowed = [
  'prefix',
  'start',
  'start-after',
  'reverse',
  'delimiter',
  'limit',
  'cursor',
  'values',
  'key-encoding',
] as const;

const listKeys: RouteDoc = {
  id: 'listKeys',
  group: 'Many keys',
  summary: 'List keys',
  query: allowed,
  headers: ['Accept'],
  answers: { 200: 'page' },
  errors: [...parameterErrors, ...storeErrors],
  example: "curl '{origin}/v1/kv?prefix=cities/&delimiter=/&limit=10'",
};

export function registerListRoutes(app: FastifyInstance, storeFor: StoreFor): void {
  app.get(listPath, withHead(listKeys), async (request, reply) => {
    const url = request.raw.url as string;
    const isStream = (request.headers.accept ?? '').includes(ndjsonContentType);
    // A stream asks for pages as large as they may be, unless it is told where to end.
    const query = queryOf(url, isStream ? listLimitMax : listLimitDefault);
    const store = storeFor(request);
    const page = await store.list(query);
    if (page.kind === 'failed') return sendProblem(reply, page.code, page.detail);
    const share = shareOfAnswer(reply);
    if (!share.take(bytesOf(page))) {
      const { code, detail } = noRoom(reply.server.bodyBudget);
      return sendProblem(reply, code, detail);
    }
    // Of a stream that is not wanted nothing is read: the head is all there is to say.
    if (isStream && request.method === 'HEAD') return reply.type(ndjsonContentType).headers(unsniffed).send();
    if (isStream) {
      const isLimited = parametersOf(url, allowed).limit !== undefined;
      const lines = isLimited ? [linesOf(page)] : linesFrom(store, query, page);
      return reply.type(ndjsonContentType).headers(unsniffed).send(Readable.from(lines));
    }
    return sendPage(reply, url, page);
  });
}

/** What is listed is what clients have stored: no browser shall take it for anything else. */
const unsniffed = { 'x-content-type-options': 'nosniff' };

function sendPage(reply: FastifyReply, url: string, page: Listing): FastifyReply {
  const next = page.next === undefined ? null : cursorOf(page.next);
  if (next !== null) {
    const parameters = new URLSearchParams(url.split('?')[1]);
    parameters.delete('start');
    parameters.delete('start-after');
    parameters.set('cursor', next);
    reply.header('link', `<${listPath}?${parameters}>; rel="next"`);
  }
  const body = JSON.stringify({ entries: page.entries.map(entryOf), next });
  return reply.type('application/json').headers(unsniffed).serializer(String).send(body);
}

/** About what a page takes as text. A stream has one of its pages in memory at a time, and they are much alike. */
function bytesOf({ entries }: Listing): number {
  return entries.reduce((sum, entry) => sum + entry.key.length + entryBytesUsual + valueBytesOf(entry), 0);
}

function valueBytesOf(entry: Listing['entries'][number]): number {
  return entry.kind === 'key' ? (entry.value?.length ?? 0) : 0;
}

/** All pages, one after the other, as fast as they are read. One that fails breaks the stream off. */
async function* linesFrom(store: KeyStore, query: ListQuery, first: Listing): AsyncGenerator<string> {
  let page = first;
  for (;;) {
    if (page.entries.length > 0) yield linesOf(page);
    if (page.next === undefined) return;
    const following = await store.list({ ...query, after: page.next });
    if (following.kind === 'failed') throw new KvError(following.code, following.detail);
    page = following;
  }
}

function linesOf({ entries }: Listing): string {
  return entries.map((entry) => `${JSON.stringify(entryOf(entry))}\n`).join('');
}

function entryOf(entry: Listing['entries'][number]): object {
  if (entry.kind === 'prefix') return prefixFields(entry.key);
  const { key, valueBytes, value } = entry;
  return {
    ...keyFields(key),
    ...describedFields(entry),
    bytes: valueBytes,
    ...(value !== undefined && valueFields(value)),
  };
}

/** @throws KvError parameter-unknown, parameter-invalid */
function queryOf(url: string, limitUnlessSaid: number): ListQuery {
  const parameters = parametersOf(url, allowed);
  const encoding = encodingOf(parameters);
  const start = keyPartOf('start', parameters.start, encoding);
  const startAfter = keyPartOf('start-after', parameters['start-after'], encoding);
  if (start !== undefined && startAfter !== undefined) {
    throw new KvError('parameter-invalid', 'Use either start (the first key) or start-after, not both.');
  }
  const reverse = oneOfTexts('reverse', parameters.reverse, ['true', 'false']) === 'true';
  return {
    prefix: prefixOf(parameters),
    after:
      positionOfCursor(parameters.cursor) ??
      (start && positionBefore(start, { reverse })) ??
      (startAfter && { kind: 'key', bytes: startAfter }),
    reverse,
    delimiter: delimiterOf(parameters.delimiter, encoding),
    limit: wholeNumber('limit', parameters.limit, { min: 1, max: listLimitMax }) ?? limitUnlessSaid,
    values: oneOfTexts('values', parameters.values, ['true', 'false']) === 'true',
  };
}

function delimiterOf(text: string | undefined, encoding: KeyEncoding): Buffer | undefined {
  if (text === undefined) return undefined;
  const delimiter = Buffer.from(text, encoding === 'base64url' ? 'base64url' : 'utf8');
  if (delimiter.length >= 1 && delimiter.length <= listDelimiterBytesMax) return delimiter;
  throw new KvError('parameter-invalid', `delimiter must have 1 to ${listDelimiterBytesMax} bytes, such as /.`);
}
