/**
 * The OpenAPI document makes a typed client: what is right compiles and works against the real app, and what is wrong does
 * not compile.
 */

import { execFile } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import openapiTS, { astToString, type OpenAPI3 } from 'openapi-typescript';
import { expect, test } from 'vitest';
import { startRestApp } from '../support/rest-app.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

/** Every operation; each line behind `@ts-expect-error` would fail the compilation if it compiled. */
const program = `import createClient from 'openapi-fetch';
import type { components, paths } from './api.js';

const api = createClient<paths>({ baseUrl: process.argv[2] as string });
type Operation = components['schemas']['Operation'];

const path = { key: 'greeting' };
const put = await api.PUT('/v1/kv/{key}', { params: { path, query: { ttl: 60 } }, body: 'hello', bodySerializer: String });
const get = await api.GET('/v1/kv/{key}', { params: { path }, parseAs: 'text' });
const value: string | undefined = get.data;
const touched = await api.PATCH('/v1/kv/{key}', { params: { path, query: { 'expires-at': 'never' } }, parseAs: 'text' });
const head = await api.HEAD('/v1/kv/{key}', { params: { path } });
const remove = await api.DELETE('/v1/kv/{key}', { params: { path, header: { 'If-Match': '*' } } });
const missing = await api.GET('/v1/kv/{key}', { params: { path }, parseAs: 'text' });
const code: string | undefined = missing.error?.code;
const counted = await api.POST('/v1/counters/{key}', { params: { path: { key: 'n' }, query: { by: '5', ttl: 60 } }, parseAs: 'text' });
const number: string | undefined = counted.data;

const operations: Operation[] = [
  { op: 'put', key: 'a', value: 'text', ifNoneMatch: '*', ttl: 5 },
  { op: 'put', keyBase64url: '_w', valueBase64: 'AA==' },
  { op: 'get', key: 'a' },
  { op: 'increment', key: 'n', by: '2', expiresAt: 'never' },
  { op: 'touch', key: 'n', ttl: 60 },
  { op: 'delete', key: 'n' },
];
operations[1] = { op: 'put', keyBase64url: '_w', valueBase64: '/w==' };
const batch = await api.POST('/v1/batch', { body: { operations, atomic: false } });
const statuses: number[] | undefined = batch.data?.results.map((result) => result.status);
const page = await api.GET('/v1/kv', { params: { query: { prefix: '', limit: 10, values: 'true' } } });
const keys = page.data?.entries.map((entry) => {
  if ('prefix' in entry) return entry.prefix;
  return 'key' in entry ? entry.key : 'bytes';
});
const next: string | null | undefined = page.data?.next;
await api.HEAD('/v1/kv', {});
const erased = await api.DELETE('/v1/kv', { params: { query: { prefix: 'no such' } }, parseAs: 'text' });
const lines: string | undefined = erased.response.status === 200 ? 'lines' : undefined;
const topology = await api.GET('/v1/topology');
const epoch: number | undefined = topology.data?.epoch;
const live: 'alive' | undefined = (await api.GET('/livez')).data?.status;
const ready: number[] | undefined = (await api.GET('/readyz')).data?.failedShards;
await api.HEAD('/v1/topology');
await api.HEAD('/livez');
await api.HEAD('/readyz');
const openapi = await api.GET('/openapi.json');
await api.HEAD('/openapi.json');
const docs = await api.GET('/docs', { parseAs: 'text' });
await api.HEAD('/docs');
const way = await api.GET('/', { redirect: 'manual' });
await api.HEAD('/', { redirect: 'manual' });
const file = await api.GET('/docs/{file}', { params: { path: { file: 'reference.css' } }, parseAs: 'text' });
await api.HEAD('/docs/{file}', { params: { path: { file: 'reference.css' } } });
const changes = await api.GET('/v1/changes', { params: { query: { prefix: 'x', from: 'start', values: 'true' } }, parseAs: 'stream' });
await changes.data?.cancel();

// @ts-expect-error an operation is an object
export const notAnObject: Operation = 42;
// @ts-expect-error an operation names a key
export const noKey: Operation = { op: 'get' };
// @ts-expect-error there is no such operation
export const noSuchOperation: Operation = { op: 'append', key: 'a' };
// @ts-expect-error a put has a value
export const noValue: Operation = { op: 'put', key: 'a' };
// @ts-expect-error a touch says when
export const noExpiry: Operation = { op: 'touch', key: 'a' };
// @ts-expect-error a get has none
export const tooMuch: Operation = { op: 'get', key: 'a', value: 'b' };
// @ts-expect-error the key is a part of the path
const noPath = () => api.GET('/v1/kv/{key}', {});
// @ts-expect-error there is no such parameter
const noParameter = () => api.GET('/v1/kv', { params: { query: { sort: 'up' } } });
// @ts-expect-error true and false are texts in a URL
const noBoolean = () => api.GET('/v1/kv', { params: { query: { values: 1 } } });
// @ts-expect-error a batch is not one of its operations
const noBatch = () => api.POST('/v1/batch', { body: { op: 'get', key: 'a' } });
// @ts-expect-error there is no such path
const nowhere = () => api.GET('/v1/nothing');
// @ts-expect-error a page has no such field
export const noField = page.data?.rows;
// @ts-expect-error an entry may be of a key that is bytes
export const notAlways = page.data?.entries[0]?.key;
export const unused = [noPath, noParameter, noBoolean, noBatch, nowhere];

const { status } = put.response;
console.log(JSON.stringify({ status, value, head: head.response.status, removed: remove.response.status, code, number, touched: touched.response.status, statuses,
  keys, next, lines, epoch, live, ready, openapi: openapi.response.status, way: way.response.headers.get('location'), docs: docs.data?.slice(0, 15), changes: changes.response.status }));
`;

test('a client that is generated from the document takes what is right, refuses what is wrong, and works', {
  timeout: 120_000,
}, async () => {
  const { url } = await startRestApp();
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenAPI3 & {
    paths: Record<string, Record<string, unknown>>;
  };
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `api.${method.toUpperCase()}('${path}'`),
  );
  expect(operations.filter((operation) => !program.includes(operation))).toEqual([]);

  const folder = temporaryDirectory();
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  writeFileSync(join(folder, 'api.d.ts'), astToString(await openapiTS(document)));
  writeFileSync(join(folder, 'program.ts'), program);
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = ['--strict', '--target', 'es2023', '--module', 'nodenext', '--types', 'node', '--skipLibCheck'];
  await run('node', [tsc, ...options, 'program.ts'], { cwd: folder }).catch(({ stdout }: { stdout: string }) => {
    throw new Error(stdout);
  });
  const { stdout } = await run('node', [join(folder, 'program.js'), url]);
  expect(JSON.parse(stdout)).toEqual({
    status: 201,
    value: 'hello',
    head: 200,
    removed: 204,
    code: 'key-not-found',
    number: '5',
    touched: 204,
    statuses: [201, 201, 200, 200, 204, 204],
    keys: ['a', 'bytes'],
    next: null,
    lines: 'lines',
    epoch: expect.any(Number),
    live: 'alive',
    ready: [],
    openapi: 200,
    docs: '<!doctype html>',
    way: 'docs',
    changes: 200,
  });
});
