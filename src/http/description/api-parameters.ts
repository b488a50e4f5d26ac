/** Every query parameter and every request header that some route knows, as the OpenAPI document describes them. */

import { conditionVersionsMax } from '../../kv/condition.ts';
import { keyBytesMax } from '../../kv/key.ts';
import { listDelimiterBytesMax, listLimitDefault, listLimitMax } from '../../kv/listing.ts';
import { never, ttlSecondsMax } from '../request/expiry.ts';
import { idempotencyKeyBytesMax } from '../request/idempotency.ts';

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
    description: 'How the key is written here: a key of any bytes in base64url, without padding.',
    schema: { enum: ['percent', 'base64url'], default: 'percent' },
  },
  timing: {
    description: 'Asks for `Server-Timing`: where the time of this request went.',
    schema: { type: 'string' },
  },
  ttl: {
    description: 'The value is gone after so many seconds.',
    schema: { type: 'integer', minimum: 1, maximum: ttlSecondsMax },
  },
  'expires-at': {
    description: `The value is gone from then on: Unix milliseconds, later than now and within ten years, or \`${never}\`.`,
    schema: { oneOf: [{ type: 'integer', minimum: 1 }, { const: never }] },
  },
  by: {
    description: 'What is added: a whole number of 64 bits, in decimal.',
    schema: { type: 'string', pattern: '^-?[0-9]{1,19}$', default: '1' },
  },
  prefix: {
    description: `Only keys that begin so; at most ${keyBytesMax} bytes.`,
    schema: { type: 'string', default: '' },
  },
  start: {
    description: `Only this key, if it is there, and those after it in the order of the listing; at most ${keyBytesMax} bytes.`,
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
    description: 'Entries of the page. Of a stream: where it ends; without it, at the last key.',
    schema: { type: 'integer', minimum: 1, maximum: listLimitMax, default: listLimitDefault },
  },
  cursor: { description: '`next` of the page or line before.', schema: { type: 'string' } },
  values: { description: 'With the values.', schema: { enum: ['true', 'false'], default: 'false' } },
  from: {
    description: '`start`: first all that is there, then what changes. A `Last-Event-ID` goes before it.',
    schema: { enum: ['now', 'start'], default: 'now' },
  },
  'last-event-id': {
    description: 'As the header, for clients that cannot set one.',
    schema: { type: 'string' },
  },
  all: {
    description: 'Said in place of a prefix, by whoever means every key.',
    schema: { enum: ['true', 'false'], default: 'false' },
  },
  atomic: {
    description: 'All operations in one step or, when one is refused, none. Their keys share a hash tag.',
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
    description: 'One range of bytes. Several, and other units, are answered with the whole value.',
    schema: { type: 'string', examples: ['bytes=0-99'] },
  },
  'If-Range': {
    description: 'The range only if this is the ETag, else the whole value.',
    schema: { type: 'string', examples: ['"42"'] },
  },
  'Idempotency-Key': {
    description:
      `1 to ${idempotencyKeyBytesMax} visible ASCII characters, such as a UUID: ` +
      'the same request sent again is applied once and answered the same.',
    schema: { type: 'string', minLength: 1, maxLength: idempotencyKeyBytesMax },
  },
  Prefer: {
    description: '`server-timing`, as `?timing` does; with PATCH also `return=representation`, for the value.',
    schema: { type: 'string' },
  },
  'Last-Event-ID': {
    description: 'Only what comes after this event; without it, what `from` says.',
    schema: { type: 'string' },
  },
  Accept: {
    description: '`application/x-ndjson` asks for a stream of lines, of all pages.',
    schema: { type: 'string' },
  },
} as const satisfies { readonly [name: string]: Described };

export type HeaderName = keyof typeof requestHeaders;

export const answerHeaders = {
  ETag: { description: 'The version of the key, in quotes.', schema: { type: 'string', examples: ['"42"'] } },
  'Expires-At': { description: 'Unix milliseconds; absent for never.', schema: { type: 'integer' } },
  'Content-Range': {
    description: 'Which bytes these are, of how many.',
    schema: { type: 'string', examples: ['bytes 0-99/1234'] },
  },
  Link: {
    description: 'The next page.',
    schema: { type: 'string', examples: ['</v1/kv?cursor=kYQ>; rel="next"'] },
  },
  'Preference-Applied': {
    description: 'Which preference was met (RFC 7240).',
    schema: { type: 'string', examples: ['return=representation'] },
  },
  'Retry-After': { description: 'Seconds after which to ask again.', schema: { type: 'integer' } },
  'WWW-Authenticate': {
    description: 'What is needed, or wrong (RFC 6750).',
    schema: { type: 'string', examples: ['Bearer realm="shardlite"'] },
  },
} as const satisfies { readonly [name: string]: Described };

export type AnswerHeaderName = keyof typeof answerHeaders;
