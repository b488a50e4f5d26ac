/**
 * No request brings the service out of order, whatever is in it. FUZZ_SEED and FUZZ_REQUESTS repeat a run, or make it
 * longer.
 */

import { expect, test } from 'vitest';
import type { ApiDocument } from '../../src/http/description/openapi.ts';
import { bodyErrors, edgeErrors, unroutedErrors } from '../../src/http/description/route-doc.ts';
import { errorStatus } from '../../src/http/error-status.ts';
import type { ErrorCode } from '../../src/kv/errors.ts';
import { type FuzzedRequest, RequestFuzzer } from '../support/fuzzed-requests.ts';
import { type RawAnswer, RawClient } from '../support/raw-client.ts';
import { shardctl, startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_120);
const requests = Number(process.env['FUZZ_REQUESTS'] ?? 60_000);
const lanes = 32;

test.each([
  // What only the longer run is sure to meet: ranges and conditions that hold, names that are used again, long headers.
  ['forwarded', requests, [206, 304, 416, 422, 431]],
  ['direct', Math.ceil(requests / 3), []],
])(
  `reads %s, %i fuzzed requests: no 5xx, no dead process, no row that is not what was written (seed ${seed})`,
  async (reads, count, rare) => {
    const service = await startService({
      data: temporaryDirectory(),
      args: ['--shards', '2', '--routers', '1', '--reads', reads],
    });
    const document = (await (await fetch(`${service.url}/openapi.json`)).json()) as ApiDocument;
    const port = Number(new URL(service.url).port);
    const statuses = new Map<number, number>();
    let left = count;

    const lane = async (number: number): Promise<Map<string, Buffer | 'deleted'>> => {
      const fuzzer = new RequestFuzzer(seed + number, `lane-${number}`);
      const client = new RawClient(port);
      /** What keys have, as far as that is known. */
      const known = new Map<string, Buffer | 'deleted'>();
      while (left-- > 0) {
        const request = fuzzer.next();
        const answer = await client.ask(request.bytes, request.method, request.form !== 'whole');
        for (const key of request.touches) if (isWriting(request)) known.delete(key);
        if (answer === undefined) {
          if (request.form === 'whole') throw new Error(`no answer: ${shown(request)}`);
          continue;
        }
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        const fault = faultOf(request, answer, document);
        if (fault !== undefined) throw new Error(`${fault}: ${shown(request)} → ${answer.status} ${answer.body}`);
        if (request.effect !== undefined && answer.status < 300) known.set(request.effect.key, request.effect.value);
      }
      client.close();
      return known;
    };
    const known = (await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)))).flatMap((one) => [
      ...one,
    ]);

    // Others' deletions and batches take away what was known of most keys; how many are left depends on who comes when.
    expect(known.length).toBeGreaterThan(lanes * 2);
    for (const [key, value] of known) {
      const answer = await fetch(`${service.url}/v1/kv/${encodeURIComponent(key)}`);
      const bytes = Buffer.from(await answer.arrayBuffer());
      const isAsWritten = value === 'deleted' ? answer.status === 404 : answer.status === 200 && bytes.equals(value);
      if (!isAsWritten) throw new Error(`${key} is not what was written`);
    }
    // Every kind of answer was reached.
    for (const status of [200, 201, 204, 400, 404, 405, 412, 413, 414, 415, 421, ...rare]) {
      expect([status, statuses.get(status) ?? 0]).not.toEqual([status, 0]);
    }
    const { processes } = await service.status();
    expect(processes.map(({ id, state, restarts }) => [id, state, restarts])).toEqual(
      processes.map(({ id }) => [id, 'ready', 0]),
    );
    expect(service.said.filter((line) => /"level":(50|60)/.test(line))).toEqual([]);
    expect(await shardctl(['verify', '--data', service.data])).toMatchObject({ code: 0 });
  },
  300_000,
);

function isWriting({ form, method, path }: FuzzedRequest): boolean {
  return (
    form !== 'whole' ||
    method === 'PUT' ||
    method === 'PATCH' ||
    method === 'DELETE' ||
    (method === 'POST' && path !== '/v1/kv')
  );
}

/** What is wrong with an answer; undefined when nothing is. */
function faultOf(
  request: FuzzedRequest,
  { status, headers, body }: RawAnswer,
  document: ApiDocument,
): string | undefined {
  // 501 is about what the client asked for: a transfer coding that nobody has to understand.
  if (status >= 500 && status !== 501) return 'a 5xx';
  if (status < 400 || request.method === 'HEAD') return undefined;
  if (headers.get('content-type') !== 'application/problem+json') return 'an error that is no problem document';
  const { code, status: said } = JSON.parse(body.toString()) as { code: ErrorCode; status: number };
  if (errorStatus[code]?.status !== status || said !== status) return 'a code of another status';
  if (request.form !== 'whole') return undefined;
  const operation = document.paths[routeOf(request.path)]?.[request.method.toLowerCase()];
  const isDocumented =
    operation === undefined
      ? [...unroutedErrors, ...edgeErrors, ...bodyErrors, 'key-malformed'].includes(code)
      : operation.responses[status]?.description.includes(`\`${code}\``) ||
        unroutedErrors.includes(code as 'route-unknown');
  return isDocumented ? undefined : 'an error that the document does not have there';
}

function routeOf(path: string): string {
  const [, route] = /^(\/v1\/(?:kv|counters)\/)/.exec(path) ?? [];
  return route === undefined ? path : `${route}{key}`;
}

function shown({ bytes }: FuzzedRequest): string {
  return JSON.stringify(bytes.toString('latin1', 0, 600));
}
