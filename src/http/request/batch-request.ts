/**
 * What a batch asks, from JSON or lines of JSON. Everything is checked before anything is done: one operation that
 * is not as it should be refuses the whole batch, and says which one.
 */

import { KvError } from '../../kv/errors.ts';
import type { IdempotencyKey } from '../../kv/idempotency-key.ts';
import type { Key } from '../../kv/key.ts';
import { batchOperationsMax, type KeyOperation, type WriteOperation } from '../../kv/operation.ts';
import { storableContentType } from './body.ts';
import { conditionOfTexts } from './conditions.ts';
import { expiryNeeded, expiryWanted } from './expiry.ts';
import { idempotencyKey, idempotencyKeysOfBatch } from './idempotency.ts';
import { incrementOf } from './increment.ts';
import { type Fields, isFields, jsonOf, keyIn, malformed, textIn, valueIn } from './json-fields.ts';
import { addressOf } from './key-request.ts';

export type BatchFormat = 'json' | 'ndjson';

export type BatchRequest = { readonly isAtomic: boolean; readonly operations: readonly KeyOperation[] };

export type BatchContext = {
  readonly valueBytesMax: number;
  /** Idempotency-Key of the whole. */
  readonly name: string | undefined;
  /** As the URL says it; a document may say it too. */
  readonly isAtomic: boolean;
};

/** What is needed to read one operation. */
type OperationContext = Pick<BatchContext, 'valueBytesMax'> & {
  /** Undefined when the client gave no name. */
  readonly nameWrite:
    | ((index: number, address: { slot: number; key: Key }, item: unknown) => IdempotencyKey)
    | undefined;
};

/** Generous to those who leave lines empty between operations. */
export const batchLinesMax = 10 * batchOperationsMax;

const guardFields = ['ifMatch', 'ifNoneMatch'];
const keyFields = ['op', 'key', 'keyBase64url'];
const fieldsOf = {
  get: keyFields,
  put: [...keyFields, ...guardFields, 'value', 'valueBase64', 'contentType', 'ttl', 'expiresAt'],
  touch: [...keyFields, ...guardFields, 'ttl', 'expiresAt'],
  delete: [...keyFields, ...guardFields],
  increment: [...keyFields, ...guardFields, 'by', 'ttl', 'expiresAt'],
} as const;

/** @throws KvError batch-malformed, batch-too-large, and what is wrong with an operation */
export function batchOf(body: Buffer, format: BatchFormat, context: BatchContext): BatchRequest {
  const document = format === 'ndjson' ? { isAtomic: false, items: lineItemsOf(body) } : documentOf(body);
  const { items } = document;
  const isAtomic = document.isAtomic || context.isAtomic;
  if (items.length === 0) throw malformed('A batch has at least one operation.');
  if (items.length > batchOperationsMax) throw tooMany();
  const { valueBytesMax, name } = context;
  const nameWrite = name === undefined ? undefined : isAtomic ? namesOfBatch(name, body) : namesOfWrites(name);
  return { isAtomic, operations: items.map((item, index) => operationAt(index, item, { valueBytesMax, nameWrite })) };
}

function namesOfBatch(name: string, body: Buffer): OperationContext['nameWrite'] {
  const keyOfNextWrite = idempotencyKeysOfBatch(name, body);
  return (_index, { slot }) => keyOfNextWrite(slot);
}

function namesOfWrites(name: string): OperationContext['nameWrite'] {
  return (index, { key }, item) => idempotencyKey(`${name}#${index}`, key, [JSON.stringify(item)]);
}

function documentOf(body: Buffer): { readonly isAtomic: boolean; readonly items: readonly unknown[] } {
  const document = jsonOf(body, 'The body');
  if (!isFields(document) || !Array.isArray(document['operations'])) {
    throw malformed('The body is {"operations": [...]}, with "atomic": true if all or none shall be done.');
  }
  const { operations, atomic = false, ...others } = document;
  if (typeof atomic !== 'boolean') throw malformed('"atomic" is true or false.');
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw malformed(`A batch has no field ${JSON.stringify(unknown)}.`);
  return { isAtomic: atomic, items: operations as unknown[] };
}

/**
 * One item a line; blank lines are nothing. Bytes are looked at where they lie, and no further than the first operation
 * too many: 16 MiB of blank lines, or of `{}`, would otherwise hold the process up for more than a second.
 */
function lineItemsOf(body: Buffer): unknown[] {
  const items: unknown[] = [];
  let number = 1;
  for (let at = 0; at < body.length; ) {
    const byte = body[at] as number;
    if (byte === lineFeed) number++;
    if (number > batchLinesMax) {
      throw new KvError('batch-too-large', `A batch may have at most ${batchLinesMax} lines, including empty ones.`);
    }
    if (isBlank(byte)) at++;
    else {
      if (items.length === batchOperationsMax) throw tooMany();
      const feedAt = body.indexOf(lineFeed, at);
      const end = feedAt === -1 ? body.length : feedAt;
      items.push(jsonOf(body.subarray(at, end), `Line ${number}`));
      at = end;
    }
  }
  return items;
}

const lineFeed = 0x0a;

/** What JSON allows between its parts (RFC 8259, 2). */
function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === lineFeed || byte === 0x0d;
}

function tooMany(): KvError {
  return new KvError('batch-too-large', `A batch may have at most ${batchOperationsMax} operations.`);
}

function operationAt(index: number, item: unknown, context: OperationContext): KeyOperation {
  try {
    return operationOf(index, item, context);
  } catch (error) {
    if (error instanceof KvError)
      throw new KvError(error.code, `Operation ${index}: ${error.message}`, { cause: error });
    throw error;
  }
}

function operationOf(index: number, item: unknown, { valueBytesMax, nameWrite }: OperationContext): KeyOperation {
  if (!isFields(item)) throw malformed('it is not an object.');
  const kind = item['op'];
  if (!isKind(kind)) {
    throw malformed(
      `"op" is ${Object.keys(fieldsOf)
        .map((one) => `"${one}"`)
        .join(', ')}.`,
    );
  }
  const unknown = Object.keys(item).find((field) => !(fieldsOf[kind] as readonly string[]).includes(field));
  if (unknown !== undefined) {
    throw malformed(`${kind} has no field ${JSON.stringify(unknown)}; allowed are ${fieldsOf[kind].join(', ')}.`);
  }
  // Before anything walks into it: nested deeply enough, even its JSON cannot be written again.
  const nested = Object.keys(item).find((field) => typeof item[field] === 'object');
  if (nested !== undefined) throw malformed(`"${nested}" is a text, a number, true or false.`);
  const key = keyIn(item);
  const address = addressOf(key);
  if (kind === 'get') return { kind, ...address };

  const [ifMatch, ifNoneMatch] = [textIn(item, 'ifMatch'), textIn(item, 'ifNoneMatch')];
  const guards: Pick<WriteOperation, 'condition' | 'idempotencyKey'> = {
    ...((ifMatch ?? ifNoneMatch) !== undefined && { condition: conditionOfTexts(ifMatch, ifNoneMatch) }),
    ...(nameWrite !== undefined && { idempotencyKey: nameWrite(index, address, item) }),
  };
  if (kind === 'delete') return { kind, ...address, ...guards };
  if (kind === 'touch') {
    return { kind, ...address, ...expiryNeeded(numberIn(item, 'ttl'), numberIn(item, 'expiresAt')), ...guards };
  }
  const expiry = expiryWanted(numberIn(item, 'ttl'), numberIn(item, 'expiresAt'));
  if (kind === 'increment') {
    return { kind, ...address, by: incrementOf(numberIn(item, 'by') ?? '1'), ...expiry, ...guards };
  }

  const value = valueIn(item);
  if (value.length > valueBytesMax)
    throw new KvError('value-too-large', `a value may have at most ${valueBytesMax} bytes.`);
  const contentType = storableContentType(textIn(item, 'contentType'));
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(contentType)) {
    throw new KvError(
      'content-type-invalid',
      'a content type may only have latin1 characters that are allowed in a header.',
    );
  }
  return { kind, ...address, contentType, value, ...expiry, ...guards };
}

function isKind(op: unknown): op is keyof typeof fieldsOf {
  return typeof op === 'string' && Object.hasOwn(fieldsOf, op);
}

/** As text, so that numbers in strings may be longer than JSON's are exact. */
function numberIn(item: Fields, field: string): string | undefined {
  const value = item[field];
  if (value === undefined || typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  throw malformed(`"${field}" must be a whole number; beyond 2^53, write it as a string.`);
}
