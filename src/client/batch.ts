/**
 * Many operations in one request. Of a batch that is not atomic some may fail for a while: those are asked again, as long
 * as nothing later on their key has been done, since that would turn the order round.
 */

import { describedOf, type Entry, type JsonEntry } from './entry.ts';
import { identityOf, type Key, keyFieldsOf, type NamedKey, namedKeyOf } from './key.ts';
import { jittered, pause, type Sender } from './sender.ts';
import { errorOf, hasCode, jsonBodyOf, type ShardliteError, unexpectedAnswer } from './shardlite-error.ts';
import { base64Of, storedOf } from './value.ts';
import {
  type ConditionOptions,
  conditionOf,
  type ExpiryOptions,
  type NewExpiry,
  newName,
  type WriteOptions,
} from './write-options.ts';

export type BatchOperation =
  | { readonly op: 'get'; readonly key: Key }
  | ({ readonly op: 'put'; readonly key: Key; readonly value: unknown; readonly contentType?: string } & ExpiryOptions &
      ConditionOptions)
  | ({ readonly op: 'touch'; readonly key: Key } & NewExpiry & ConditionOptions)
  | ({ readonly op: 'delete'; readonly key: Key } & ConditionOptions)
  | ({
      readonly op: 'increment';
      readonly key: Key;
      /** A whole number that it adds: 1 by default. */
      readonly by?: number | bigint;
    } & ExpiryOptions &
      ConditionOptions);

export type BatchOptions = Pick<WriteOptions, 'signal' | 'idempotencyKey'> & {
  /** Apply all operations or none. Their keys must have the same hash tag. If one is refused, the call rejects. */
  readonly atomic?: boolean;
};

type Done = {
  readonly get: { readonly ok: true /** Undefined where there is no value. */; readonly entry: Entry | undefined };
  readonly put: { readonly ok: true; readonly version: number; readonly created: boolean };
  /** Refused with `key-not-found` where there is no value. */
  readonly touch: { readonly ok: true; readonly version: number };
  readonly delete: { readonly ok: true };
  readonly increment: { readonly ok: true; readonly version: number; readonly number: bigint };
};

/** What came of one operation: what it would have been answered by itself. */
export type BatchResult<Op extends keyof Done = keyof Done> =
  | Done[Op]
  | { readonly ok: false; readonly error: ShardliteError };

/** The result of each operation, in their order. */
export type BatchResults<Operations extends readonly BatchOperation[]> = {
  -readonly [Place in keyof Operations]: BatchResult<Operations[Place]['op']>;
};

type JsonResult = JsonEntry & { readonly status: number; readonly code?: string; readonly detail?: string };

const pauseMs = 1_000;

export async function runBatch(
  sender: Sender,
  operations: readonly BatchOperation[],
  { atomic = false, idempotencyKey = newName(), signal }: BatchOptions,
): Promise<BatchResult[]> {
  const body = JSON.stringify({ atomic, operations: operations.map(jsonOf) });
  const headers = { 'content-type': 'application/json', 'idempotency-key': idempotencyKey };
  const overdueAtMs = performance.now() + sender.deadlineMs;
  const results: JsonResult[] = [];
  for (;;) {
    const { status, bytes } = await sender.ask({ method: 'POST', path: '/v1/batch', headers, body, signal });
    const { results: answered } = (jsonBodyOf(status, bytes) ?? {}) as { results?: JsonResult[] };
    if (answered?.length !== operations.length) throw unexpectedAnswer(status, 'it has no result of each operation');
    const waiting = results.length === 0 ? new Set(operations.keys()) : askedAgain(operations, results);
    for (const index of waiting) results[index] = answered[index] as JsonResult;
    if (atomic || askedAgain(operations, results).size === 0 || performance.now() + pauseMs > overdueAtMs) break;
    // The whole once more, under its name: what was applied is answered as before, and not applied again.
    await pause(jittered(pauseMs), signal);
  }
  if (atomic) throwRefusal(operations, results);
  return results.map((result, index) => resultOf(operations[index] as BatchOperation, result));
}

/** Places of operations that failed for a while, and after which nothing was done on their key. */
function askedAgain(operations: readonly BatchOperation[], results: readonly JsonResult[]): Set<number> {
  const settledKeys = new Set<string>();
  const places = new Set<number>();
  for (let index = operations.length - 1; index >= 0; index--) {
    const identity = identityOf((operations[index] as BatchOperation).key);
    if (isPassing(results[index] as JsonResult) && !settledKeys.has(identity)) places.add(index);
    else settledKeys.add(identity);
  }
  return places;
}

/** 503 and 507: the shard, its store or its disk is away. */
function isPassing({ status }: JsonResult): boolean {
  return status === 503 || status === 507;
}

/** Of an atomic batch the operation that was refused for itself; the others were only refused with it. */
function throwRefusal(operations: readonly BatchOperation[], results: readonly JsonResult[]): void {
  // What is not there was read all the same.
  const isRead = (index: number) => operations[index]?.op === 'get' && results[index]?.code === 'key-not-found';
  const refused = results.filter(({ status }, index) => status >= 400 && !isRead(index)).map(refusalOf);
  const cause = refused.find((error) => !hasCode(error, 'batch-refused')) ?? refused[0];
  if (cause !== undefined) throw cause;
}

function jsonOf(operation: BatchOperation): object {
  const common = { op: operation.op, ...keyFieldsOf(operation.key) };
  if (operation.op === 'get') return common;
  const guarded = { ...common, ...conditionOf(operation) };
  if (operation.op === 'delete') return guarded;
  const { ttl, expiresAt } = operation;
  const timed = { ...guarded, ttl, expiresAt };
  if (operation.op === 'touch') return timed;
  if (operation.op === 'increment') return { ...timed, by: String(operation.by ?? 1) };
  const { contentType, body } = storedOf(operation.value, operation.contentType);
  const value = typeof body === 'string' ? { value: body } : { valueBase64: base64Of(body) };
  return { ...timed, ...value, contentType };
}

function resultOf(operation: BatchOperation, result: JsonResult): BatchResult {
  const { status, version } = result;
  if (operation.op === 'get' && status === 404) return { ok: true, entry: undefined };
  if (status >= 400) return { ok: false, error: refusalOf(result) };
  switch (operation.op) {
    case 'get':
      return { ok: true, entry: describedOf(nameOf(operation.key), result) as Entry };
    case 'put':
      return { ok: true, version, created: status === 201 };
    case 'touch':
      return { ok: true, version };
    case 'delete':
      return { ok: true };
    case 'increment':
      return { ok: true, version, number: BigInt(result.value as string) };
  }
}

function refusalOf(result: JsonResult): ShardliteError {
  return errorOf(result.status, JSON.stringify(result));
}

export function nameOf(key: Key): NamedKey {
  const fields = keyFieldsOf(key);
  return 'key' in fields ? fields : namedKeyOf(undefined, fields.keyBase64url);
}
