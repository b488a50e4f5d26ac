/** Routes, errors and the OpenAPI document hold each other; the page comes with what it loads. */

import { exec } from 'node:child_process';
import { promisify } from 'node:util';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import type { ApiDocument, DocumentedOperation } from '../../src/http/description/openapi.ts';
import { edgeErrors, unroutedErrors } from '../../src/http/description/route-doc.ts';
import { errorStatus } from '../../src/http/error-status.ts';
import { type ErrorCode, errorTable } from '../../src/kv/errors.ts';
import { startRestApp } from '../support/rest-app.ts';

async function documentOfApp(): Promise<{ url: string; document: ApiDocument }> {
  const { url } = await startRestApp();
  return { url, document: (await (await fetch(`${url}/openapi.json`)).json()) as ApiDocument };
}

function operationsIn({ paths }: ApiDocument): { path: string; method: string; operation: DocumentedOperation }[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
}

test('the document is OpenAPI 3.1, and no operation has the id of another', async () => {
  const { document } = await documentOfApp();
  const validator = new Validator();
  expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
  const ids = operationsIn(document).map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

test('what 405 allows on a path is what the document has there, and no other path is routed', async () => {
  const { url, document } = await documentOfApp();
  for (const [path, methods] of Object.entries(document.paths)) {
    const answer = await fetch(`${url}${path.replace('{key}', 'key')}`, { method: 'PROPFIND' });
    expect([path, answer.status]).toEqual([path, 405]);
    expect([path, answer.headers.get('allow')]).toEqual([
      path,
      Object.keys(methods)
        .map((method) => method.toUpperCase())
        .sort()
        .join(', '),
    ]);
  }
  const unknown = (await (await fetch(`${url}/nothing`)).json()) as { detail: string };
  expect(unknown.detail).toBe(`The paths are ${Object.keys(document.paths).join(', ')}.`);
});

test('no answer to HEAD has a body in the document, an answer that has a body says which, and any may say the name of its request', async () => {
  const { document } = await documentOfApp();
  for (const { path, method, operation } of operationsIn(document)) {
    expect(operation.parameters, path).toContainEqual(expect.objectContaining({ name: 'X-Request-Id', in: 'header' }));
    for (const [status, { headers, content }] of Object.entries(operation.responses)) {
      const where = `${method} ${path} ${status}`;
      if (method === 'head') expect(content, where).toBeUndefined();
      expect(Object.keys(headers), where).toContain('X-Request-Id');
      if (content !== undefined) expect(Object.keys(content), where).not.toEqual([]);
    }
  }
  const { get } = document.paths['/v1/kv/{key}'] ?? {};
  expect(Object.keys(get?.responses['200']?.content ?? {})).not.toEqual([]);
  expect(Object.keys(get?.responses['200']?.headers ?? {})).toContain('ETag');
});

test('every error of the table is in the document, under its own status, and none besides', async () => {
  const { document } = await documentOfApp();
  const found = new Set<string>(unroutedErrors);
  for (const { operation } of operationsIn(document)) {
    for (const [status, { description }] of Object.entries(operation.responses)) {
      if (Number(status) < 400) continue;
      for (const [, code, title] of description.matchAll(/`([a-z-]+)`: (.*)/g)) {
        expect(errorStatus[code as ErrorCode]).toMatchObject({ status: Number(status), title });
        found.add(code as string);
      }
    }
    for (const code of edgeErrors) expect(operation.responses[errorStatus[code].status]?.description).toContain(code);
  }
  expect([...found].sort()).toEqual(Object.keys(errorTable).sort());
});

test('what is answered has the shape that the document says', async () => {
  const { url, document } = await documentOfApp();
  await fetch(`${url}/v1/kv/folder/key?ttl=100`, {
    method: 'PUT',
    body: 'text',
    headers: { 'content-type': 'text/x' },
  });
  await fetch(`${url}/v1/kv/_wA?key-encoding=base64url`, { method: 'PUT', body: Buffer.of(0xff) });
  const ajv = new Ajv2020({ strict: false, formats: { uri: true } });
  ajv.addSchema({ $id: 'doc', components: document.components });
  const check = async (path: string, shape: string, init: RequestInit = {}) => {
    const answer = (await (await fetch(`${url}${path}`, init)).json()) as unknown;
    const isSo = ajv.validate({ $ref: `doc#/components/schemas/${shape}` }, answer);
    expect([path, isSo, ajv.errors]).toEqual([path, true, null]);
    return answer;
  };
  const page = await check('/v1/kv?values=true', 'Page');
  expect(page).toMatchObject({ entries: [{ key: 'folder/key' }, { keyBase64url: '_wA' }] });
  expect(await check('/v1/kv?delimiter=/', 'Page')).toMatchObject({ entries: [{ prefix: 'folder/' }, {}] });
  await check('/v1/topology', 'Topology');
  await check('/livez', 'Liveness');
  await check('/readyz', 'Readiness');
  await check('/v1/kv/nothing', 'Problem');
  const stream = await fetch(`${url}/v1/changes?from=start&values=true`);
  let events = '';
  const decoder = new TextDecoder();
  for await (const piece of stream.body as AsyncIterable<Uint8Array>) {
    events += decoder.decode(piece, { stream: true });
    if (events.includes('event: live')) break;
  }
  const told = [...events.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data as string) as unknown);
  expect(told).toMatchObject([{ value: 'text' }, { valueBase64: '/w==' }, {}]);
  for (const change of [...told, { key: 'a', version: 1, gone: true }, { key: 'a', version: 1 }]) {
    expect([change, ajv.validate({ $ref: 'doc#/components/schemas/Change' }, change)]).toEqual([change, true]);
  }
  await check('/v1/kv?prefix=nothing', 'Deletion', { method: 'DELETE' });
  const batch = {
    operations: [
      { op: 'get', keyBase64url: '_wA' },
      { op: 'put', key: 'a', value: 'b', ifNoneMatch: '*', ttl: 5, contentType: 'text/plain' },
      { op: 'put', key: 'a', valueBase64: '/w==', ifNoneMatch: '*' },
      { op: 'increment', key: 'n', by: '7', ttl: 60 },
      { op: 'increment', key: 'a' },
      { op: 'touch', key: 'a', ttl: 60 },
      { op: 'touch', keyBase64url: '_wA', expiresAt: 'never' },
      { op: 'delete', key: 'a' },
    ],
  };
  expect(ajv.validate({ $ref: 'doc#/components/schemas/Batch' }, batch)).toBe(true);
  const results = await check('/v1/batch', 'Results', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(batch),
  });
  expect((results as { results: { status: number }[] }).results.map(({ status }) => status)).toEqual([
    200, 201, 412, 200, 409, 204, 204, 204,
  ]);
});

test('every example of the document runs and succeeds, in the order of the document', async () => {
  const { url, document } = await documentOfApp();
  await fetch(`${url}/v1/kv/greeting`, { method: 'PUT', body: 'hello' });
  for (const { operation } of operationsIn(document)) {
    for (const { source } of operation['x-codeSamples']) {
      // Rejects with what curl says when the answer is an error.
      const command = source.replaceAll('{origin}', url).replace('curl', 'curl --silent --show-error --fail');
      // A stream of events ends with the time that it was given.
      await promisify(exec)(command.includes('--max-time') ? `${command} || test $? -eq 28` : command);
    }
  }
});

test('the page comes with its files, under a policy that allows nothing else', async () => {
  const { url } = await startRestApp();
  const page = await fetch(`${url}/docs`);
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  const html = await page.text();
  const loaded = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = '']) => address);
  expect(loaded.filter((address) => !/^(docs\/[a-z-]+\.[a-z]+|data:,)$/.test(address))).toEqual([]);
  // Those of Swagger UI are there in a build alone: `test/process/reference-page.test.ts` opens that.
  const own = loaded.filter((address) => address.startsWith('docs/') && !address.includes('swagger'));
  expect(own).toEqual(['docs/reference.css', 'docs/reference.mjs']);
  for (const address of own) {
    const file = await fetch(new URL(address, `${url}/docs`));
    expect([address, file.status]).toEqual([address, 200]);
    expect(file.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self'; /,
    );
  }
  const other = await fetch(`${url}/docs/..%2fapp.ts`);
  expect([other.status, ((await other.json()) as { code: string }).code]).toEqual([404, 'route-unknown']);
  const below = await fetch(`${url}/docs/a/b`);
  expect([below.status, ((await below.json()) as { code: string }).code]).toEqual([404, 'route-unknown']);
});
