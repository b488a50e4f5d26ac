/**
 * `/openapi.json` for programs and `/docs` for people. Both are made when they are first asked for, so that a router's
 * start costs nothing more. The page loads nothing and runs no script.
 */

import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { docsPageOf, docsStyle } from '../description/docs-page.ts';
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

/** The style of the page by its hash, and nothing else. */
const policyOf = (style: string) =>
  `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; ` +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** @param operations of all routes, these two included, once all are added */
export function registerDocsRoutes(app: FastifyInstance, operations: readonly RoutedOperation[]): void {
  let made: ApiDocument | undefined;
  const document = () => {
    made ??= documentOf(operations);
    return made;
  };

  app.get('/openapi.json', withHead(readDocument), async (_request, reply) => {
    return reply.type('application/json').send(JSON.stringify(document()));
  });

  app.get('/docs', withHead(readReference), async (request, reply) => {
    const origin = `${request.protocol}://${request.headers.host ?? '127.0.0.1:7700'}`;
    return reply
      .type('text/html; charset=utf-8')
      .headers({ 'content-security-policy': policyOf(docsStyle), 'x-content-type-options': 'nosniff' })
      .send(docsPageOf(document(), origin));
  });
}
