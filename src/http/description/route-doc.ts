/**
 * What a route says of itself, where it is declared: the `schema` of its Fastify options. The OpenAPI document and the
 * page at /docs are made of it. It describes and checks nothing: handlers parse by hand, for the sake of their error
 * texts, and Fastify compiles no validator for a schema that has none of the fields it knows.
 */

import type { ErrorCode } from '../../kv/errors.ts';
import type { HeaderName, QueryName } from './api-parameters.ts';
import type { AnswerName, BodyName } from './api-schemas.ts';

export type RouteDoc = {
  /** Names the operation in generated clients. */
  readonly id: string;
  readonly group: 'Values' | 'Many keys' | 'Counters' | 'Service';
  readonly summary: string;
  readonly description?: string;
  readonly query?: readonly QueryName[];
  readonly headers?: readonly HeaderName[];
  readonly body?: BodyName;
  /** Of success, by status. */
  readonly answers: { readonly [status: number]: AnswerName };
  /** Besides `edgeErrors` and `admissionErrors`. */
  readonly errors: readonly ErrorCode[];
  /** Arguments of curl, with `{origin}` before the path; the test of the page runs them in their order. */
  readonly example: string;
};

declare module 'fastify' {
  interface FastifySchema {
    readonly doc?: RouteDoc;
  }
}

/** A route as OpenAPI writes it: `/v1/kv/*` → `/v1/kv/{key}`, `/docs/:file` → `/docs/{file}` */
export function pathOf(url: string): string {
  return url.replace('*', '{key}').replace(/:(\w+)/, '{$1}');
}

/** What any request can meet, before it is known what it asks. */
export const edgeErrors = [
  'request-malformed',
  'request-timeout',
  'host-not-allowed',
  'headers-too-large',
  'expectation-failed',
  'transfer-coding-unsupported',
  'internal-error',
] as const satisfies readonly ErrorCode[];

/** Of everything but the open routes: where tokens are needed, and requests are counted. */
export const admissionErrors = [
  'token-required',
  'token-invalid',
  'rate-exceeded',
] as const satisfies readonly ErrorCode[];

/** Where there is no route. */
export const unroutedErrors = ['route-unknown', 'method-not-allowed'] as const satisfies readonly ErrorCode[];

export const parameterErrors = ['parameter-unknown', 'parameter-invalid'] as const satisfies readonly ErrorCode[];
export const keyErrors = [
  'key-empty',
  'key-malformed',
  'key-too-long',
  ...parameterErrors,
] as const satisfies readonly ErrorCode[];
/** Of what may have a body. */
export const bodyErrors = ['content-type-invalid', 'value-too-large'] as const satisfies readonly ErrorCode[];
/** Where the store is asked: of what the token allows, and of whoever owns the key. */
export const storeErrors = [
  'access-denied',
  'shard-unavailable',
  'store-unavailable',
  'store-read-only',
  'store-denied',
  'store-evicting',
  'overloaded',
] as const satisfies readonly ErrorCode[];
export const writeErrors = [
  'origin-not-allowed',
  ...bodyErrors,
  'condition-malformed',
  'condition-not-met',
  'idempotency-key-invalid',
  'idempotency-key-reused',
  'outcome-unknown',
  'disk-full',
  ...storeErrors,
] as const satisfies readonly ErrorCode[];
