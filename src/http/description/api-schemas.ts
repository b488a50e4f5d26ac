/** Bodies and answers of all routes, and the JSON in them, as the OpenAPI document describes them. */

import { errorTable } from '../../kv/errors.ts';
import { keyBytesMax } from '../../kv/key.ts';
import { batchBytesMax, batchOperationsMax } from '../../kv/operation.ts';
import { never } from '../request/expiry.ts';
import type { AnswerHeaderName } from './api-parameters.ts';

const ndjson = 'application/x-ndjson';

type Content = { readonly [mediaType: string]: object };

export function ref(schema: keyof typeof schemas): { readonly $ref: string } {
  return { $ref: `#/components/schemas/${schema}` };
}

const anyBytes: Content = { '*/*': {} };
const json = (schema: object): Content => ({ 'application/json': { schema } });

const version = {
  type: 'integer',
  minimum: 1,
  description: 'Grows with each write of the key. The ETag is this number in quotes.',
};
const contentType = { type: 'string', maxLength: 255 };
const bytes = { type: 'integer', minimum: 0, description: 'Of the value.' };
const ttl = { type: 'integer', minimum: 1, description: 'Seconds until the value expires.' };
const by = { type: ['integer', 'string'], default: 1 };
const expiresAtOrNever = {
  oneOf: [{ type: 'integer', minimum: 1 }, { const: never }],
  description: 'When the value expires, in Unix milliseconds.',
};
const expiresAt = { type: 'integer', description: 'When the value expires, in Unix milliseconds.' };
const gone = { const: true, description: 'A later write has replaced the value. Its event follows.' };
const conditions = {
  ifMatch: { type: 'string', examples: ['"42"'], description: 'As the header If-Match.' },
  ifNoneMatch: { type: 'string', examples: ['*'], description: 'As the header If-None-Match.' },
};

type Fields = { readonly [name: string]: object };

/** Bytes in JSON: as text where they are UTF-8, else under another name. Each way is a field of its own. */
const keyWays = [
  { key: { type: 'string', description: `1 to ${keyBytesMax} bytes of UTF-8.` } },
  { keyBase64url: { type: 'string', description: 'Instead of `key`, if its bytes are not UTF-8.' } },
];
const prefixWays = [
  { prefix: { type: 'string' } },
  { prefixBase64url: { type: 'string', description: 'Instead of `prefix`, if its bytes are not UTF-8.' } },
];
const valueWays = [
  { value: { type: 'string', description: 'Text.' } },
  { valueBase64: { type: 'string', description: 'Instead of `value`, if its bytes are not UTF-8.' } },
];

/**
 * One whole object for each combination of ways. `oneOf` of `required` alone says the same shorter, and generators of
 * types make `unknown` of it.
 */
function waysOf(ways: readonly (readonly Fields[])[], required: Fields, optional: Fields = {}): readonly object[] {
  const combined = ways.reduce<readonly Fields[]>(
    (before, fields) => before.flatMap((one) => fields.map((other) => ({ ...one, ...other }))),
    [{}],
  );
  return combined.map((fields) => ({
    type: 'object',
    properties: { ...required, ...fields, ...optional },
    required: [...Object.keys(required), ...Object.keys(fields)],
    additionalProperties: false,
  }));
}

export const schemas = {
  Problem: {
    type: 'object',
    description: 'What went wrong (RFC 9457). Programs should use `code`.',
    properties: {
      type: { type: 'string', format: 'uri', examples: ['urn:shardlite:problem:key-not-found'] },
      title: { type: 'string' },
      status: { type: 'integer' },
      code: { enum: Object.keys(errorTable) },
      detail: { type: 'string', description: 'What was wrong this time, and what is allowed.' },
    },
    required: ['type', 'title', 'status', 'code', 'detail'],
    additionalProperties: false,
  },
  Entry: {
    oneOf: [
      ...waysOf([keyWays], { version, bytes }, { contentType, expiresAt }),
      ...waysOf([keyWays, valueWays], { version, bytes }, { contentType, expiresAt }),
    ],
  },
  CommonPrefix: {
    description: 'With a delimiter: the common prefix of several keys, up to the end of the delimiter.',
    oneOf: waysOf([prefixWays], {}),
  },
  Page: {
    type: 'object',
    properties: {
      entries: {
        type: 'array',
        items: { oneOf: [{ $ref: '#/components/schemas/Entry' }, { $ref: '#/components/schemas/CommonPrefix' }] },
      },
      next: { type: ['string', 'null'], description: 'Cursor of the next page; null on the last page.' },
    },
    required: ['entries', 'next'],
    additionalProperties: false,
  },
  Operation: {
    oneOf: [
      ...waysOf([keyWays], { op: { const: 'get' } }),
      ...waysOf(
        [keyWays, valueWays],
        { op: { const: 'put' } },
        {
          contentType,
          ttl,
          expiresAt: expiresAtOrNever,
          ...conditions,
        },
      ),
      ...waysOf([keyWays, [{ ttl }, { expiresAt: expiresAtOrNever }]], { op: { const: 'touch' } }, conditions),
      ...waysOf([keyWays], { op: { const: 'delete' } }, conditions),
      ...waysOf([keyWays], { op: { const: 'increment' } }, { by, ttl, expiresAt: expiresAtOrNever, ...conditions }),
    ],
  },
  Batch: {
    type: 'object',
    properties: {
      operations: {
        type: 'array',
        items: { $ref: '#/components/schemas/Operation' },
        minItems: 1,
        maxItems: batchOperationsMax,
      },
      atomic: { type: 'boolean', default: false },
    },
    required: ['operations'],
    additionalProperties: false,
  },
  Result: {
    type: 'object',
    description: 'The result of one operation: the same as for a single request.',
    properties: {
      status: { type: 'integer' },
      version,
      contentType,
      expiresAt,
      ...valueWays[0],
      ...valueWays[1],
      code: { enum: Object.keys(errorTable) },
      detail: { type: 'string' },
    },
    required: ['status'],
    additionalProperties: false,
  },
  Results: {
    type: 'object',
    properties: { results: { type: 'array', items: { $ref: '#/components/schemas/Result' } } },
    required: ['results'],
    additionalProperties: false,
  },
  Change: {
    description: 'The data of one event; that of `live` is empty.',
    oneOf: [
      ...waysOf([keyWays], { version }),
      ...waysOf([keyWays, valueWays], { version }, { contentType, expiresAt }),
      ...waysOf([keyWays], { version, gone }),
      ...waysOf([], {}),
    ],
  },
  Deletion: {
    type: 'object',
    description: 'One line of progress.',
    properties: {
      deleted: { type: 'integer', minimum: 0, description: 'Keys deleted since this request began.' },
      kept: {
        type: 'integer',
        minimum: 0,
        description: 'Keys that stayed because they were written after they were listed.',
      },
      next: { type: ['string', 'null'], description: 'Cursor to continue from here; null when nothing is left.' },
      status: { type: 'integer', description: 'Only if the deletion ended with an error.' },
      code: { enum: Object.keys(errorTable) },
      detail: { type: 'string' },
    },
    required: ['deleted', 'kept', 'next'],
    additionalProperties: false,
  },
  Topology: {
    type: 'object',
    properties: {
      epoch: { type: 'integer', minimum: 1, description: 'Grows whenever slots get another owner.' },
      shards: {
        type: 'array',
        items: {
          type: 'object',
          properties: { id: { type: 'integer' }, state: { type: 'string' }, slots: { type: 'integer' } },
          required: ['id', 'state', 'slots'],
        },
      },
      slots: {
        type: 'array',
        description: 'Which shard owns which slots, both ends included.',
        items: {
          type: 'object',
          properties: { first: { type: 'integer' }, last: { type: 'integer' }, shard: { type: 'integer' } },
          required: ['first', 'last', 'shard'],
        },
      },
    },
    required: ['epoch', 'shards', 'slots'],
  },
  Readiness: {
    type: 'object',
    properties: {
      status: { enum: ['ready', 'degraded'] },
      failedShards: { type: 'array', items: { type: 'integer' } },
      silentShards: { type: 'array', items: { type: 'integer' } },
      primary: { enum: ['alive', 'silent'] },
    },
    required: ['status', 'failedShards', 'silentShards', 'primary'],
  },
  Liveness: { type: 'object', properties: { status: { const: 'alive' } }, required: ['status'] },
} as const;

/**
 * What the same route takes or answers as lines, where the client asks for that, and what each of them is. Beside
 * `content`, because generated clients would take every answer for either.
 */
type Lines = { readonly 'x-lines'?: Content };

export type Body = Lines & { readonly description: string; readonly content: Content };

export const bodies = {
  value: {
    description: 'The value, stored byte for byte with its Content-Type. It may be empty.',
    content: anyBytes,
  },
  batch: {
    description:
      `1 to ${batchOperationsMax} operations in at most ${batchBytesMax} bytes: one JSON document, or one operation a line. ` +
      'Operations on one key are done in their order.',
    content: json(ref('Batch')),
    'x-lines': { [ndjson]: { schema: ref('Operation') } },
  },
} as const satisfies { readonly [name: string]: Body };

export type BodyName = keyof typeof bodies;

type Answer = Lines & {
  readonly description: string;
  readonly headers?: readonly AnswerHeaderName[];
  readonly content?: Content;
};

export const answers = {
  value: {
    description: 'The value, with the Content-Type that it was stored with',
    headers: ['ETag', 'Expires-At'],
    content: anyBytes,
  },
  part: {
    description: 'The requested bytes',
    headers: ['ETag', 'Expires-At', 'Content-Range'],
    content: anyBytes,
  },
  metadata: { description: 'The same as for GET, without the value', headers: ['ETag', 'Expires-At'] },
  notModified: { description: 'The client already has this version', headers: ['ETag', 'Expires-At'] },
  created: { description: 'The value was created', headers: ['ETag', 'Expires-At'] },
  replaced: { description: 'The value was replaced', headers: ['ETag', 'Expires-At'] },
  touched: { description: 'The expiry was set', headers: ['ETag', 'Expires-At'] },
  representation: {
    description: 'The expiry was set; this is the value',
    headers: ['ETag', 'Expires-At', 'Preference-Applied'],
    content: anyBytes,
  },
  deleted: { description: 'There is no value under this key now' },
  counted: {
    description: 'The new number',
    headers: ['ETag', 'Expires-At'],
    content: { 'text/plain': { schema: { type: 'string', pattern: '^-?[0-9]+$' } } },
  },
  page: {
    description: 'Keys in byte order, or backwards: one page, or the lines of all pages',
    headers: ['Link'],
    content: json(ref('Page')),
    'x-lines': { [ndjson]: { schema: { oneOf: [ref('Entry'), ref('CommonPrefix')] } } },
  },
  results: {
    description: 'One result per operation, in the same order; each has its own status',
    content: json(ref('Results')),
    'x-lines': { [ndjson]: { schema: ref('Result') } },
  },
  deletion: {
    description: 'One line per step; the last one has `next: null`',
    content: { [ndjson]: { schema: ref('Deletion') } },
  },
  changes: {
    description: 'Events, until the client goes away',
    content: { 'text/event-stream': { schema: ref('Change') } },
  },
  topology: { description: 'The ring', content: json(ref('Topology')) },
  readiness: {
    description:
      'At least one shard serves; `degraded` when one has failed, or one or the primary says nothing for a second',
    content: json(ref('Readiness')),
  },
  liveness: { description: 'The process responds', content: json(ref('Liveness')) },
  document: { description: 'This document', content: json({ type: 'object' }) },
  reference: { description: 'A page for people', content: { 'text/html': { schema: { type: 'string' } } } },
  toReference: { description: 'The page for people is at `/docs`', headers: ['Location'] },
  referenceFile: { description: 'What the page loads', content: anyBytes },
} as const satisfies { readonly [name: string]: Answer };

export type AnswerName = keyof typeof answers;
