/**
 * `/openapi.json` for programs and `/docs` for people. The document is made, and the files of the page are read, when they
 * are first asked for, so that a router's start costs nothing more.
 */

import { readFile } from 'node:fs/promises';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { KvError } from '../../kv/errors.ts';
import { type ApiDocument, documentOf, type RoutedOperation } from '../description/openapi.ts';
import type { RouteDoc } from '../description/route-doc.ts';
import { withHead } from './service-routes.ts';

const readDocument: RouteDoc = {
  id: 'readDocument',
  group: 'Service',
  summary: 'This API as an OpenAPI 3.1 document',
  answers: { 200: 'document' },
  errors: [],
  example: 'curl {origin}/openapi.json',
};

const readReference: RouteDoc = {
  id: 'readReference',
  group: 'Service',
  summary: 'This API as a page for people',
  answers: { 200: 'reference' },
  errors: [],
  example: 'curl {origin}/docs',
};

const readReferenceFile: RouteDoc = {
  id: 'readReferenceFile',
  group: 'Service',
  summary: 'A file of that page',
  answers: { 200: 'referenceFile' },
  errors: ['route-unknown'],
  example: 'curl {origin}/docs/reference.css',
};

const findReference: RouteDoc = {
  id: 'findReference',
  group: 'Service',
  summary: 'The way to that page, for whoever opens the address of the service in a browser',
  answers: { 302: 'toReference' },
  errors: [],
  example: 'curl --location {origin}/',
};

const html = 'text/html; charset=utf-8';
const css = 'text/css; charset=utf-8';
const script = 'text/javascript; charset=utf-8';

/** The files of the page by name, with their types. Those of Swagger UI are copied there by the build. */
const files = new Map([
  ['index.html', html],
  ['reference.css', css],
  ['reference.mjs', script],
  ['contents.mjs', script],
  ['snippets.mjs', script],
  ['swagger-ui.css', css],
  ['swagger-ui-bundle.js', script],
]);

/** Its own files and what it asks of this service; Swagger UI draws arrows by `data:` in its style. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** @param operations of all routes, these included, once all are added */
export function registerDocsRoutes(app: FastifyInstance, operations: readonly RoutedOperation[]): void {
  let made: ApiDocument | undefined;
  const read = new Map<string, Promise<Buffer>>();

  const sendFile = async (reply: FastifyReply, name: string) => {
    const type = files.get(name);
    if (type === undefined) throw new KvError('route-unknown', `The files are ${[...files.keys()].join(', ')}.`);
    const content = read.get(name) ?? readFile(new URL(`../reference/${name}`, import.meta.url));
    read.set(name, content);
    return reply
      .headers(headers)
      .type(type)
      .send(await content);
  };

  app.get('/openapi.json', withHead(readDocument), async (_request, reply) => {
    made ??= documentOf(operations);
    return reply.type('application/json').send(JSON.stringify(made));
  });

  app.get('/docs', withHead(readReference), (_request, reply) => sendFile(reply, 'index.html'));

  // Relative, so that it holds behind a proxy that adds a path.
  app.get('/', withHead(findReference), (_request, reply) => reply.redirect('docs'));

  app.get<{ Params: { file: string } }>('/docs/:file', withHead(readReferenceFile), ({ params }, reply) =>
    sendFile(reply, params.file),
  );
}
