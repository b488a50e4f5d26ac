/** Every query parameter and every request header that some route knows, as the OpenAPI document describes them. */

import { conditionVersionsMax } from '../../kv/condition.ts';
import { keyBytesMax } from '../../kv/key.ts';
import { listDelimiterBytesMax, listLimitDefault, listLimitMax } from '../../kv/listing.ts';
import { never, ttlSecondsMax } from '../request/expiry.ts';
import { idempotencyKeyBytesMax } from '../request/idempotency.ts';
import { requestIdCharsMax } from '../request-id.ts';

type Described = { readonly description: string; readonly schema: object };

export const pathKey: Described = {
  description:
    `1 to ${keyBytesMax} bytes of UTF-8, percent-encoded; slashes may stay as they are. ` +
    'Any bytes in base64url with `?key-encoding=base64url`.',
  schema: { type: 'string', minLength: 1 },
};

export const pathFile: Described = { description: 'Its name.', schema: { type: 'string', minLength: 1 } };

export const queryParameters = {
  'key-encoding': {
    description: 'The encoding of the key. With base64url (without padding), a key can have any bytes.',
    schema: { enum: ['percent', 'base64url'], default: 'percent' },
  },
  timing: {
    description: 'Adds `Server-Timing` to the answer: where the time of this request went.',
    schema: { type: 'string' },
  },
  ttl: {
    description: 'The value expires after this many seconds.',
    schema: { type: 'integer', minimum: 1, maximum: ttlSecondsMax },
  },
  'expires-at': {
    description: `The value expires at this time: Unix milliseconds, later than now and within ten years, or \`${never}\`.`,
    schema: { oneOf: [{ type: 'integer', minimum: 1 }, { const: never }] },
  },
  by: {
    description: 'The number to add: a 64-bit integer, in decimal.',
    schema: { type: 'string', pattern: '^-?[0-9]{1,19}$', default: '1' },
  },
  prefix: {
    description: `Only keys with this prefix; at most ${keyBytesMax} bytes.`,
    schema: { type: 'string', default: '' },
  },
  start: {
    description: `Only this key, if it exists, and those after it in the order of the listing; at most ${keyBytesMax} bytes.`,
    schema: { type: 'string' },
  },
  'start-after': {
    description: `Only keys after this one in the order of the listing; at most ${keyBytesMax} bytes.`,
    schema: { type: 'string' },
  },
  reverse: {
    description: 'From the last key to the first.',
    schema: { enum: ['true', 'false'], default: 'false' },
  },
  delimiter: {
    description:
      'Keys that have this after the prefix are listed once, as what they have in common up to its end: ' +
      `with \`/\`, as folders. 1 to ${listDelimiterBytesMax} bytes.`,
    schema: { type: 'string', minLength: 1, maxLength: listDelimiterBytesMax },
  },
  limit: {
    description: 'Entries of the page. For a stream: the total number of entries; by default all.',
    schema: { type: 'integer', minimum: 1, maximum: listLimitMax, default: listLimitDefault },
  },
  cursor: { description: '`next` of the previous page or line.', schema: { type: 'string' } },
  values: { description: 'Include the values.', schema: { enum: ['true', 'false'], default: 'false' } },
  from: {
    description: '`start`: first every existing key, then all changes. `Last-Event-ID` overrides it.',
    schema: { enum: ['now', 'start'], default: 'now' },
  },
  'last-event-id': {
    description: 'The same as the header, for clients that cannot set headers.',
    schema: { type: 'string' },
  },
  all: {
    description: 'Instead of a prefix: delete every key.',
    schema: { enum: ['true', 'false'], default: 'false' },
  },
  atomic: {
    description: 'Apply all operations or none. Their keys must have the same hash tag.',
    schema: { enum: ['true', 'false'], default: 'false' },
  },
} as const satisfies { readonly [name: string]: Described };

export type QueryName = keyof typeof queryParameters;

const versions = `\`*\`, or up to ${conditionVersionsMax} entity tags`;

export const requestHeaders = {
  'If-Match': {
    description: `Only if the key has one of these versions (${versions}); \`*\` is any.`,
    schema: { type: 'string', examples: ['"42"'] },
  },
  'If-None-Match': {
    description: `Only if the key has none of these versions (${versions}); \`*\`: only if it has no value.`,
    schema: { type: 'string', examples: ['*'] },
  },
  Range: {
    description: 'One range of bytes. For several ranges or other units, the answer is the whole value.',
    schema: { type: 'string', examples: ['bytes=0-99'] },
  },
  'If-Range': {
    description: 'Return the range only if this is the ETag, else the whole value.',
    schema: { type: 'string', examples: ['"42"'] },
  },
  'Idempotency-Key': {
    description:
      `1 to ${idempotencyKeyBytesMax} visible ASCII characters, such as a UUID: ` +
      'the same request sent again is applied once and answered the same.',
    schema: { type: 'string', minLength: 1, maxLength: idempotencyKeyBytesMax },
  },
  Prefer: {
    description: '`server-timing`, the same as `?timing`; for PATCH also `return=representation`, to get the value.',
    schema: { type: 'string' },
  },
  'Last-Event-ID': {
    description: 'Continue after this event; without it, `from` decides.',
    schema: { type: 'string' },
  },
  Accept: {
    description: '`application/x-ndjson` returns all pages as one stream of lines.',
    schema: { type: 'string' },
  },
  'X-Request-Id': {
    description: `An id of the request for the answer and the logs: 1 to ${requestIdCharsMax} letters, digits and \`_ . : / + = @ -\`.`,
    schema: { type: 'string', minLength: 1, maxLength: requestIdCharsMax },
  },
} as const satisfies { readonly [name: string]: Described };

export type HeaderName = keyof typeof requestHeaders;

export const answerHeaders = {
  ETag: { description: 'The version of the key, in quotes.', schema: { type: 'string', examples: ['"42"'] } },
  'Expires-At': { description: 'Unix milliseconds; absent if the value never expires.', schema: { type: 'integer' } },
  'Content-Range': {
    description: 'The position of these bytes, and the size of the value.',
    schema: { type: 'string', examples: ['bytes 0-99/1234'] },
  },
  Location: {
    description: 'Where to look instead, relative to the request.',
    schema: { type: 'string', examples: ['docs'] },
  },
  Link: {
    description: 'The next page.',
    schema: { type: 'string', examples: ['</v1/kv?cursor=kYQ>; rel="next"'] },
  },
  'Preference-Applied': {
    description: 'Which preference was met (RFC 7240).',
    schema: { type: 'string', examples: ['return=representation'] },
  },
  'Retry-After': { description: 'Seconds to wait before the next attempt.', schema: { type: 'integer' } },
  'X-Request-Id': {
    description: 'The id that the client sent. If the service logs requests, it creates one for requests without.',
    schema: { type: 'string', maxLength: requestIdCharsMax },
  },
  'WWW-Authenticate': {
    description: 'What is required or wrong (RFC 6750).',
    schema: { type: 'string', examples: ['Bearer realm="shardlite"'] },
  },
} as const satisfies { readonly [name: string]: Described };

export type AnswerHeaderName = keyof typeof answerHeaders;
