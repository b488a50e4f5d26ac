/** The REST app, spoken to as to a Store: what the app makes of requests is then held against what stores promise. */

import { Pool } from 'undici';
import { urlOfKey } from '../../src/http/key-in-url.ts';
import type { Condition, Versions } from '../../src/kv/condition.ts';
import type { ErrorCode } from '../../src/kv/errors.ts';
import type { IdempotencyKey } from '../../src/kv/idempotency-key.ts';
import type { ListEntry, Listing, ListPosition, ListQuery } from '../../src/kv/listing.ts';
import {
  type AtomicOperation,
  type Expiry,
  isWrite,
  type KeyOperation,
  type Operation,
  type WriteOperation,
} from '../../src/kv/operation.ts';
import { expiryOf, type FailedOutcome, type KeyOutcome, type Outcome } from '../../src/kv/outcome.ts';
import type { Store } from '../../src/kv/store.ts';
import type { PartWanted } from '../../src/kv/value-part.ts';

type Answer = {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
};

type JsonEntry = {
  readonly key?: string;
  readonly keyBase64url?: string;
  readonly prefix?: string;
  readonly prefixBase64url?: string;
  readonly version: number;
  readonly contentType?: string;
  readonly expiresAt?: number;
  readonly bytes: number;
  readonly value?: string;
  readonly valueBase64?: string;
};
type JsonResult = JsonEntry & { readonly status: number; readonly code?: ErrorCode; readonly detail?: string };

type Guards = { readonly condition?: Condition | undefined; readonly idempotencyKey?: IdempotencyKey };

export class RestStore implements Store {
  readonly feed = undefined;
  readonly #pool: Pool;

  constructor(url: string) {
    this.#pool = new Pool(url, { connections: 64 });
  }

  async execute(operation: Operation): Promise<Outcome> {
    if (operation.kind === 'atomic') return this.#batch(operation);
    const { kind, key } = operation;
    const path = `/v1/${kind === 'increment' ? 'counters' : 'kv'}/${urlOfKey(key)}`;
    const headers = isWrite(operation) ? guardHeaders(operation) : {};
    switch (kind) {
      case 'get':
        return this.#part(path, operation);
      case 'head':
        return readOutcome('head', await this.#ask('HEAD', path));
      case 'put': {
        const { contentType, value } = operation;
        const type = contentType === '' ? {} : { 'content-type': contentType };
        return writeOutcome('put', await this.#ask('PUT', timed(path, operation), value, { ...headers, ...type }));
      }
      case 'touch':
        return writeOutcome('touch', await this.#ask('PATCH', timed(path, operation), undefined, headers));
      case 'delete':
        return writeOutcome('delete', await this.#ask('DELETE', path, undefined, headers));
      case 'increment':
        return writeOutcome(
          'increment',
          await this.#ask('POST', timed(withParameter(path, `by=${operation.by}`), operation), undefined, headers),
        );
    }
  }

  /** What is known of a value no part of which is sent is asked by HEAD: 304, 412 and 416 do not tell all of it. */
  async #part(path: string, wanted: PartWanted): Promise<Outcome> {
    const answer = await this.#ask('GET', path, undefined, partHeaders(wanted));
    const { status } = answer;
    if (status === 304 || status === 412 || status === 416) return readOutcome('head', await this.#ask('HEAD', path));
    return readOutcome('get', answer);
  }

  async list({ prefix, after, delimiter, limit, values, reverse }: ListQuery): Promise<Listing | FailedOutcome> {
    const parameters = new URLSearchParams({
      'key-encoding': 'base64url',
      prefix: prefix.toString('base64url'),
      limit: String(limit),
      values: String(values),
      reverse: String(reverse),
    });
    if (delimiter !== undefined) parameters.set('delimiter', delimiter.toString('base64url'));
    if (after !== undefined) parameters.set('cursor', `${after.kind.slice(0, 1)}${after.bytes.toString('base64url')}`);
    const { status, body } = await this.#ask('GET', `/v1/kv?${parameters}`);
    if (status !== 200) return failureOf(body);
    const page = JSON.parse(body.toString()) as { entries: JsonEntry[]; next: string | null };
    return { kind: 'listing', entries: page.entries.map(entryOf), next: positionOf(page.next) };
  }

  async stop(): Promise<void> {
    await this.#pool.destroy();
  }

  async #batch({ operations }: AtomicOperation): Promise<Outcome> {
    const body = JSON.stringify({ atomic: true, operations: operations.map(jsonOf) });
    const name = operations
      .map((one) => isWrite(one) && one.idempotencyKey && nameOf(one.idempotencyKey))
      .find(Boolean);
    // The app numbers the writes itself.
    const headers = {
      'content-type': 'application/json',
      ...(name && { 'idempotency-key': name.replace(/#.*/, '') }),
    };
    const answer = await this.#ask('POST', '/v1/batch', Buffer.from(body), headers);
    if (answer.status !== 200) return failureOf(answer.body);
    const { results } = JSON.parse(answer.body.toString()) as { results: JsonResult[] };
    return {
      kind: 'batch',
      outcomes: results.map((result, index) => resultOutcome((operations[index] as KeyOperation).kind, result)),
    };
  }

  async #ask(
    method: 'GET' | 'HEAD' | 'PUT' | 'PATCH' | 'POST' | 'DELETE',
    path: string,
    body?: Buffer,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const answer = await this.#pool.request({ method, path, headers, body: body ?? null });
    return { status: answer.statusCode, headers: answer.headers, body: Buffer.from(await answer.body.arrayBuffer()) };
  }
}

function withParameter(path: string, parameter: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${parameter}`;
}

/** The path with the expiry that is asked for. */
function timed(path: string, { expiresAtMs, ttlMs }: Expiry): string {
  const at = expiresAtMs === undefined ? path : withParameter(path, `expires-at=${expiresAtMs || 'never'}`);
  return ttlMs === undefined ? at : withParameter(at, `ttl=${ttlMs / 1_000}`);
}

function guardHeaders({ condition, idempotencyKey }: Guards): Record<string, string> {
  const { ifMatch, ifNoneMatch } = textsOf(condition);
  return {
    ...(ifMatch !== undefined && { 'if-match': ifMatch }),
    ...(ifNoneMatch !== undefined && { 'if-none-match': ifNoneMatch }),
    ...(idempotencyKey !== undefined && { 'idempotency-key': nameOf(idempotencyKey) }),
  };
}

function partHeaders({ condition, range }: PartWanted): Record<string, string> {
  const headers = guardHeaders({ condition });
  if (range === undefined) return headers;
  const { from, bytesMax, version } = range;
  return {
    ...headers,
    range: from < 0 || bytesMax === 0 ? `bytes=-${bytesMax}` : `bytes=${from}-${from + bytesMax - 1}`,
    ...(version !== undefined && { 'if-range': `"${version}"` }),
  };
}

function nameOf({ opId }: IdempotencyKey): string {
  return opId.toString('latin1').replaceAll('\0', '_');
}

function textsOf({ ifMatch, ifNoneMatch }: Condition = {}): { ifMatch?: string; ifNoneMatch?: string } {
  return {
    ...(ifMatch !== undefined && { ifMatch: textOf(ifMatch) }),
    ...(ifNoneMatch !== undefined && { ifNoneMatch: textOf(ifNoneMatch) }),
  };
}

/** Of no versions, a tag that no value ever has. */
function textOf(versions: Versions): string {
  if (versions === '*') return '*';
  return versions.length === 0 ? '"none"' : versions.map((version) => `"${version}"`).join(', ');
}

function jsonOf(operation: KeyOperation): object {
  const { kind, key } = operation;
  const common = { op: kind === 'head' ? 'get' : kind, keyBase64url: key.toString('base64url') };
  if (!isWrite(operation)) return common;
  const guarded = { ...common, ...textsOf(operation.condition) };
  if (kind === 'delete') return guarded;
  const { expiresAtMs, ttlMs } = operation;
  const timed = {
    ...guarded,
    ...(expiresAtMs !== undefined && { expiresAt: expiresAtMs || 'never' }),
    ...(ttlMs !== undefined && { ttl: ttlMs / 1_000 }),
  };
  if (kind === 'touch') return timed;
  if (kind === 'increment') return { ...timed, by: String(operation.by) };
  return { ...timed, contentType: operation.contentType, valueBase64: operation.value.toString('base64') };
}

function versionOf(answer: Answer): number {
  return Number(String(answer.headers['etag'] ?? '"0"').replaceAll('"', ''));
}

function readOutcome(kind: 'get' | 'head', answer: Answer): Outcome {
  const { status, headers, body } = answer;
  if (status === 404) return { kind: 'absent' };
  if (status !== 200 && status !== 206) return failureOf(body);
  const type = String(headers['content-type']);
  const expiresAt = headers['expires-at'];
  const described = {
    version: versionOf(answer),
    contentType: type === 'application/octet-stream' ? '' : type,
    ...(expiresAt !== undefined && { expiresAtMs: Number(expiresAt) }),
  };
  const [, first, valueBytes] = /^bytes (\d+)-\d+\/(\d+)$/.exec(String(headers['content-range'])) ?? [];
  if (status === 206)
    return { kind: 'part', ...described, first: Number(first), value: body, valueBytes: Number(valueBytes) };
  if (kind === 'get') return { kind: 'value', ...described, value: body };
  return { kind: 'metadata', ...described, valueBytes: Number(headers['content-length']) };
}

function writeOutcome(kind: WriteOperation['kind'], answer: Answer): Outcome {
  const version = versionOf(answer);
  if (answer.status === 412) return { kind: 'precondition-failed', version };
  if (answer.status >= 400) return failureOf(answer.body);
  const expiresAtMs = Number(answer.headers['expires-at'] ?? 0);
  if (kind === 'increment')
    return { kind: 'counted', version, number: BigInt(answer.body.toString()), ...expiryOf(expiresAtMs) };
  // The version of a delete is not told: nothing has it.
  if (kind === 'delete') return { kind: 'deleted', version: Number.MAX_SAFE_INTEGER };
  return { kind: answer.status === 201 ? 'created' : 'replaced', version };
}

function resultOutcome(kind: KeyOperation['kind'], result: JsonResult): KeyOutcome {
  const { status, version, code, detail = '' } = result;
  if (status === 404 && kind !== 'touch') return { kind: 'absent' };
  if (status === 412) return { kind: 'precondition-failed', version };
  if (status >= 400) return { kind: 'failed', code: code as ErrorCode, detail };
  if (kind === 'increment') {
    return { kind: 'counted', version, number: BigInt(result.value as string), ...expiryOf(result.expiresAt ?? 0) };
  }
  if (kind === 'delete') return { kind: 'deleted', version: Number.MAX_SAFE_INTEGER };
  if (kind === 'put' || kind === 'touch') return { kind: status === 201 ? 'created' : 'replaced', version };
  const { contentType = '', expiresAt } = result;
  const described = { version, contentType, ...(expiresAt !== undefined && { expiresAtMs: expiresAt }) };
  const value = valueIn(result) ?? Buffer.alloc(0);
  return kind === 'get'
    ? { kind: 'value', ...described, value }
    : { kind: 'metadata', ...described, valueBytes: value.length };
}

function valueIn({ value, valueBase64 }: JsonEntry): Buffer | undefined {
  if (value !== undefined) return Buffer.from(value);
  return valueBase64 === undefined ? undefined : Buffer.from(valueBase64, 'base64');
}

function failureOf(body: Buffer): FailedOutcome {
  const { code, detail } = JSON.parse(body.toString()) as { code: ErrorCode; detail: string };
  return { kind: 'failed', code, detail };
}

function entryOf(entry: JsonEntry): ListEntry {
  const bytesOf = (text: string | undefined, base64url: string | undefined) =>
    text === undefined ? Buffer.from(base64url as string, 'base64url') : Buffer.from(text);
  if (entry.prefix !== undefined || entry.prefixBase64url !== undefined) {
    return { kind: 'prefix', key: bytesOf(entry.prefix, entry.prefixBase64url) };
  }
  const value = valueIn(entry);
  return {
    kind: 'key',
    key: bytesOf(entry.key, entry.keyBase64url),
    version: entry.version,
    contentType: entry.contentType ?? '',
    ...(entry.expiresAt !== undefined && { expiresAtMs: entry.expiresAt }),
    valueBytes: entry.bytes,
    ...(value !== undefined && { value }),
  };
}

function positionOf(next: string | null): ListPosition | undefined {
  if (next === null) return undefined;
  return { kind: next.startsWith('k') ? 'key' : 'prefix', bytes: Buffer.from(next.slice(1), 'base64url') };
}
