/** The OpenAPI 3.1 document of an app, made of what its routes say of themselves. */

import type { FastifyInstance, RouteOptions } from 'fastify';
import { type ErrorCode, errorTable } from '../../kv/errors.ts';
import { openRoutes } from '../admission.ts';
import { errorStatus } from '../error-status.ts';
import { problemContentType } from '../problem.ts';
import { answerHeaders, pathFile, pathKey, queryParameters, requestHeaders } from './api-parameters.ts';
import { answers, type Body, bodies, ref, schemas } from './api-schemas.ts';
import { admissionErrors, edgeErrors, pathOf, type RouteDoc, unroutedErrors } from './route-doc.ts';

export type RoutedOperation = {
  readonly method: string;
  /** As OpenAPI writes it: `/v1/kv/{key}`. */
  readonly path: string;
  readonly operation: RouteDoc;
};

/** Fills as routes are added after it. A route that does not describe itself is a defect. */
export function operationsOf(app: FastifyInstance): readonly RoutedOperation[] {
  const operations: RoutedOperation[] = [];
  app.addHook('onRoute', ({ url, method, schema }: RouteOptions) => {
    const operation = schema?.doc;
    if (operation === undefined) throw new TypeError(`the route ${url} does not describe itself`);
    for (const one of [method].flat()) operations.push({ method: one, path: pathOf(url), operation });
  });
  return operations;
}

export type ApiDocument = ReturnType<typeof documentOf>;
export type DocumentedOperation = ReturnType<typeof documentedOperation>;

export function documentOf(operations: readonly RoutedOperation[]) {
  const paths: { [path: string]: { [method: string]: DocumentedOperation } } = {};
  for (const routed of operations) {
    paths[routed.path] = { ...paths[routed.path], [routed.method.toLowerCase()]: documentedOperation(routed) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Shardlite',
      version: '1',
      summary: 'A sharded key–value service on SQLite',
      description:
        'Durable values by key. A write is on disk before its answer. Versions of a key only grow, and are its ETags. ' +
        'Errors are problem documents (RFC 9457) with a stable `code`. If a write gets an error, it was not applied, except ' +
        `with \`outcome-unknown\`. An unknown path or method gets ${unroutedErrors.map((code) => `${errorStatus[code].status} \`${code}\``).join(' or ')}.`,
    },
    servers: [{ url: '/' }],
    tags: [...new Set(operations.map(({ operation }) => operation.group))].map((name) => ({ name })),
    paths,
    components: { schemas, securitySchemes },
    'x-unrouted-errors': unroutedErrors,
  };
}

/** Asked for where the service has tokens, or keys of JSON Web Tokens. */
const securitySchemes = {
  token: {
    type: 'http',
    scheme: 'bearer',
    description: 'A token of `shardctl token create`, or a JSON Web Token signed with a known key.',
  },
};

/** Every request may have it, and any answer. */
const nameHeader = 'X-Request-Id' as const;

function documentedOperation({ method, path, operation }: RoutedOperation) {
  const { id, group, summary, description, query = [], headers = [], body, errors, example } = operation;
  const documentedBody: Body | undefined = body && bodies[body];
  // A HEAD that Fastify adds to a GET says of itself what the GET does.
  const isHeadOfGet = method === 'HEAD' && !id.startsWith('head');
  const isBodiless = method === 'HEAD';
  const isOpen = openRoutes.includes(path);
  return {
    ...(isHeadOfGet && { 'x-head-of': id }),
    operationId: isHeadOfGet ? `head${id[0]?.toUpperCase()}${id.slice(1)}` : id,
    tags: [group],
    summary: isHeadOfGet ? `${summary}: headers only` : summary,
    ...(description !== undefined && { description }),
    // Empty: for everybody. A service without tokens is so as a whole.
    security: isOpen ? [] : [{ token: [] }, {}],
    parameters: [
      ...(path.includes('{key}') ? [{ name: 'key', in: 'path', required: true, ...pathKey }] : []),
      ...(path.includes('{file}') ? [{ name: 'file', in: 'path', required: true, ...pathFile }] : []),
      ...query.map((name) => ({ name, in: 'query', ...queryParameters[name] })),
      ...[...headers, nameHeader].map((name) => ({ name, in: 'header', ...requestHeaders[name] })),
    ],
    ...(documentedBody !== undefined && { requestBody: { required: body === 'batch', ...documentedBody } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(operation.answers).map(([status, name]) => [status, answerOf(name, isBodiless)]),
      ),
      ...problemsOf([...new Set([...errors, ...edgeErrors, ...(isOpen ? [] : admissionErrors)])], isBodiless),
    },
    'x-codeSamples': [{ lang: 'Shell', source: isHeadOfGet ? example.replace('curl', 'curl -I') : example }],
  };
}

type DocumentedAnswer = {
  readonly description: string;
  readonly headers: object;
  readonly content?: { readonly [mediaType: string]: object };
  /** What each line is, where the client asks for lines. */
  readonly 'x-lines'?: { readonly [mediaType: string]: object };
};

function answerOf(name: keyof typeof answers, isBodiless: boolean): DocumentedAnswer {
  const {
    description,
    headers = [],
    content,
    'x-lines': lines,
  }: Omit<DocumentedAnswer, 'headers'> & { headers?: readonly (keyof typeof answerHeaders)[] } = answers[name];
  return {
    description,
    headers: headersOf(headers),
    ...(content !== undefined && !isBodiless && { content }),
    ...(lines !== undefined && !isBodiless && { 'x-lines': lines }),
  };
}

/** Each answer may have it. */
function headersOf(names: readonly (keyof typeof answerHeaders)[]): object {
  return Object.fromEntries([...names, nameHeader].map((name) => [name, answerHeaders[name]]));
}

/** Codes of one status share an answer. */
function problemsOf(codes: readonly ErrorCode[], isBodiless: boolean): { [status: string]: DocumentedAnswer } {
  const statuses = new Set(codes.map((code) => errorStatus[code].status));
  return Object.fromEntries(
    [...statuses].map((status) => {
      const ofStatus = codes.filter((code) => errorStatus[code].status === status);
      return [
        status,
        {
          description: ofStatus.map((code) => `\`${code}\`: ${errorStatus[code].title}`).join('\n\n'),
          headers: headersOf([
            ...(ofStatus.some((code) => errorTable[code].retryable) ? (['Retry-After'] as const) : []),
            ...(status === 401 ? (['WWW-Authenticate'] as const) : []),
          ]),
          ...(!isBodiless && {
            content: {
              [problemContentType]: {
                schema: { allOf: [ref('Problem'), { properties: { code: { enum: ofStatus } } }] },
              },
            },
          }),
        },
      ];
    }),
  );
}
