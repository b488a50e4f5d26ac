/**
 * Requests as nobody would send them, from a seed: every route with wrong and right parameters, headers, encodings and
 * bodies, whole or cut, and bytes that are no request at all.
 */

import { Random } from './random.ts';

export type FuzzedRequest = {
  readonly bytes: Buffer;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** `cut` and `garbage` are followed by the end of what the client sends. */
  readonly form: 'whole' | 'cut' | 'garbage';
  /** What the key has if the request is answered with success; undefined where that cannot be told. */
  readonly effect: { readonly key: string; readonly value: Buffer | 'deleted' } | undefined;
  /** Keys that may be written to. */
  readonly touches: readonly string[];
};

const keysOfLane = 60;

export class RequestFuzzer {
  readonly #random: Random;
  readonly #lane: string;

  /** @param lane begins every key that is written, so that each lane knows what its keys have */
  constructor(seed: number, lane: string) {
    this.#random = new Random(seed);
    this.#lane = lane;
  }

  next(): FuzzedRequest {
    const random = this.#random;
    if (random.chance(0.02)) return this.#garbage();
    const request = this.#request();
    if (random.chance(0.03)) {
      const bytes = request.bytes.subarray(0, random.below(request.bytes.length));
      return { ...request, bytes, form: 'cut', effect: undefined };
    }
    return request;
  }

  #garbage(): FuzzedRequest {
    const random = this.#random;
    const noise = Buffer.from(Array.from({ length: random.below(400) }, () => random.below(256)));
    const request = this.#request();
    if (random.chance(0.5)) return { ...request, bytes: noise, form: 'garbage', effect: undefined, touches: [] };
    return { ...request, bytes: this.#mutated(request), form: 'garbage', effect: undefined };
  }

  /** Keys stay as they are: one of another lane would be written to without its knowing. */
  #mutated({ bytes, path }: FuzzedRequest): Buffer {
    const random = this.#random;
    const mutated = Buffer.from(bytes);
    const begin = mutated.indexOf('\r\n');
    const end = path === '/v1/batch' ? mutated.indexOf('\r\n\r\n') : mutated.length;
    for (let changes = 1 + random.below(4); changes > 0; changes--) {
      mutated[begin + random.below(end - begin)] = random.below(256);
    }
    return mutated;
  }

  #request(): FuzzedRequest {
    const random = this.#random;
    const kind = random.below(100);
    if (kind < 60) return this.#keyRequest();
    if (kind < 70) return this.#counterRequest();
    if (kind < 82) return this.#batchRequest();
    if (kind < 89) {
      const method = this.#method('GET');
      const touches = method === 'DELETE' ? this.#keys() : [];
      return this.#build({ method, path: '/v1/kv', query: this.#query(listParameters), touches });
    }
    if (kind < 90) {
      const query = this.#query(deletionParameters);
      return this.#build({ method: 'DELETE', path: '/v1/kv', query, touches: this.#keys() });
    }
    if (kind < 91) return this.#build({ method: 'GET', path: '/v1/changes', query: this.#query(watchParameters) });
    const path = random.pick([
      '/v1/topology',
      '/livez',
      '/readyz',
      '/openapi.json',
      '/docs',
      '/docs/reference.css',
      '/docs/%2e%2e%2fpackage.json',
      '/',
      '/v2',
      '*',
      '//',
      '/%',
      '/v1/kv%2f',
    ]);
    return this.#build({ method: this.#method('GET'), path, query: '' });
  }

  #keyRequest(): FuzzedRequest {
    const random = this.#random;
    const method = this.#method(random.pick(['PUT', 'PUT', 'PATCH', 'GET', 'DELETE', 'HEAD']));
    const { segment, key, encoding } = this.#segment();
    const isTimed = method === 'PUT' || method === 'PATCH';
    const parameters = isTimed ? [...readParameters, 'ttl', 'expires-at'] : readParameters;
    const expiry = method === 'PATCH' && random.chance(0.7) ? random.pick(expiries) : '';
    const query = [encoding, expiry, random.chance(0.3) ? this.#query(parameters) : '']
      .filter((part) => part !== '')
      .join('&');
    const body = method === 'PUT' || random.chance(0.05) ? this.#value() : undefined;
    const isPlain = !query.includes('ttl') && !query.includes('expires-at');
    const effect =
      key === undefined || !isPlain
        ? undefined
        : method === 'PUT'
          ? { key, value: body as Buffer }
          : method === 'DELETE'
            ? { key, value: 'deleted' as const }
            : undefined;
    const touches = key === undefined ? [] : [key];
    return this.#build({ method, path: `/v1/kv/${segment}`, query, body, effect, touches });
  }

  #counterRequest(): FuzzedRequest {
    const { segment, key, encoding } = this.#segment();
    const by = this.#random.chance(0.5) ? `by=${this.#number()}` : '';
    const expiry = this.#random.chance(0.3) ? this.#random.pick(expiries) : '';
    const query = [encoding, by, expiry].filter((part) => part !== '').join('&');
    const touches = key === undefined ? [] : [key];
    return this.#build({ method: this.#method('POST'), path: `/v1/counters/${segment}`, query, touches });
  }

  #batchRequest(): FuzzedRequest {
    const random = this.#random;
    const touches: string[] = [];
    const operations = Array.from({ length: random.chance(0.02) ? 1_001 : random.below(8) }, () =>
      this.#operation(touches),
    );
    const isNdjson = random.chance(0.5);
    let text = isNdjson
      ? operations.map((operation) => `${JSON.stringify(operation)}\n`).join('')
      : JSON.stringify({ operations, ...(random.chance(0.3) && { atomic: random.pick([true, false, 1, 'true']) }) });
    if (random.chance(0.1)) text = text.slice(0, random.below(text.length + 1));
    const type = isNdjson ? 'application/x-ndjson' : 'application/json';
    const query = random.chance(0.1) ? this.#query(['atomic']) : '';
    return this.#build({
      method: this.#method('POST'),
      path: '/v1/batch',
      query,
      body: Buffer.from(text),
      touches,
      type,
    });
  }

  #operation(touches: string[]): object {
    const random = this.#random;
    const key = this.#keyOf(random.below(keysOfLane));
    touches.push(key);
    return {
      op: random.chance(0.03) ? 'head' : random.pick(['get', 'put', 'touch', 'delete', 'increment']),
      ...(random.chance(0.97) && { key }),
      ...(random.chance(0.03) && { keyBase64url: random.pick(['_w', '=', '', 7]) }),
      ...(random.chance(0.3) && { value: random.pick(['text', '', '\ud800', '17', null, 'v'.repeat(3_000)]) }),
      ...(random.chance(0.1) && { valueBase64: random.pick(['/w==', '!', 'AAAA']) }),
      ...(random.chance(0.1) && { ttl: random.pick([1, 0, '5', 1e12, -1]) }),
      ...(random.chance(0.05) && { expiresAt: random.pick([1, 'soon', 'never', 2 ** 53]) }),
      ...(random.chance(0.1) && { by: random.pick([1, -5, '9223372036854775807', 1.5, {}]) }),
      ...(random.chance(0.1) && { contentType: random.pick(['text/plain', 'ü', 'a\nb', 'x'.repeat(300), '€']) }),
      ...(random.chance(0.2) && { ifMatch: this.#tags() }),
      ...(random.chance(0.1) && { ifNoneMatch: this.#tags() }),
      ...(random.chance(0.02) && { unknown: true }),
    };
  }

  /** All that are written. */
  #keys(): readonly string[] {
    return Array.from({ length: keysOfLane }, (_, n) => this.#keyOf(n));
  }

  #keyOf(n: number): string {
    // Some share a slot, so that batches can be atomic.
    return n % 2 === 0 ? `{${this.#lane}}/${n}` : `${this.#lane}/ü ${n}`;
  }

  /** A key as it stands in a path; `key` where it is one of the lane's. */
  #segment(): { segment: string; key: string | undefined; encoding: string } {
    const random = this.#random;
    const key = this.#keyOf(random.below(keysOfLane));
    const form = random.below(20);
    if (form < 14) return { segment: encodeURIComponent(key), key, encoding: '' };
    if (form < 17) {
      return { segment: Buffer.from(key).toString('base64url'), key, encoding: 'key-encoding=base64url' };
    }
    const segment = random.pick([
      '',
      '%',
      '%zz',
      '%FF',
      '%00',
      '..',
      '../livez',
      'a//b',
      'a%2Fb',
      '%E2%82',
      'k'.repeat(1_025),
      '%C3%BC'.repeat(600),
      'ü',
      'a#b',
      '=',
      ';x',
    ]);
    return { segment, key: undefined, encoding: random.chance(0.3) ? 'key-encoding=base64url' : '' };
  }

  #method(usual: string): string {
    const random = this.#random;
    if (random.chance(0.96)) return usual;
    return random.pick([
      'GET',
      'HEAD',
      'PUT',
      'POST',
      'DELETE',
      'PATCH',
      'OPTIONS',
      'TRACE',
      'PROPFIND',
      'QUERY',
      'get',
      'BREW',
    ]);
  }

  #query(names: readonly string[]): string {
    const random = this.#random;
    const parts = Array.from({ length: 1 + random.below(3) }, () => {
      const name = random.chance(0.05)
        ? random.pick(['', 'unknown', '%', '__proto__', 'constructor'])
        : random.pick(names);
      const value = random.pick([
        this.#number(),
        'true',
        'false',
        'base64url',
        'percent',
        '',
        'kYQ',
        'p_w',
        '%FF',
        'never',
        '/',
        `{${this.#lane}}/`,
        `${this.#lane}/`,
        'start',
        'x'.repeat(2_000),
      ]);
      return `${name}=${value}`;
    });
    return parts.join('&');
  }

  #number(): string {
    return this.#random.pick([
      '0',
      '1',
      '-1',
      '5',
      '100',
      '1000',
      '1001',
      '9223372036854775807',
      '-9223372036854775808',
      '9'.repeat(19),
      '1e3',
      'x',
      '',
      ' 1',
    ]);
  }

  #tags(): string {
    const tags = [
      '"1"',
      'W/"2"',
      '*',
      '*',
      '"x,y"',
      '"',
      '""',
      'W/',
      '"99999999999999999999"',
      '"1", "2"',
      ',',
      Array.from({ length: 40 }, (_, n) => `"${n + 1}"`).join(),
    ];
    return this.#random.pick(tags);
  }

  #value(): Buffer {
    const random = this.#random;
    const size = random.below(1_000);
    if (size === 0) return Buffer.alloc(1024 * 1024 + random.below(2), random.below(256));
    if (size < 20) return Buffer.alloc(random.below(20_000), random.below(256));
    return Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)));
  }

  #headers(): string[] {
    const random = this.#random;
    const some = [
      () => `if-match: ${this.#tags()}`,
      () => `if-none-match: ${this.#tags()}`,
      () =>
        `range: ${random.pick(['bytes=0-0', 'bytes=-1', 'bytes=5-', 'bytes=9-1', 'bytes=0-1,2-3', 'bytes=', 'x', 'bytes=-0', `bytes=${'9'.repeat(400)}-`])}`,
      () => `if-range: ${this.#tags()}`,
      // Often one name, so that it is used again for something else.
      () => `idempotency-key: ${random.chance(0.6) ? this.#lane : random.pick(['', ' ', 'ü', 'x'.repeat(256)])}`,
      () => `prefer: ${random.pick(['server-timing', 'respond-async, server-timing', 'return=representation', ''])}`,
      () => `accept: ${random.pick(['application/x-ndjson', '*/*', ''])}`,
      () =>
        `content-type: ${random.pick(['text/plain', 'text', '', ';', `a/${'b'.repeat(300)}`, 'text/\xfc', 'multipart/form-data'])}`,
      () => `content-encoding: ${random.pick(['gzip', 'identity', ''])}`,
      () => 'content-range: bytes 0-1/2',
      () =>
        `last-event-id: ${random.pick(['1', '', '1.2.3', 'x', '1-9007199254740991', '1:1;2;', '1:0,2:0;2;YQ', '1:0;1;*'])}`,
      () => `host: ${random.pick(['rebound.example', '', 'localhost:1', '[::1]'])}`,
      () => `x-${'y'.repeat(random.below(20))}: ${'z'.repeat(random.chance(0.02) ? 17_000 : random.below(100))}`,
      () =>
        random.pick([
          'expect: 100-continue',
          'connection: close',
          'upgrade: h2c',
          'transfer-encoding: gzip',
          'content-length: 5',
          'no colon',
          ' folded: x',
        ]),
    ];
    // The first ones have answers of their own, which are seldom reached.
    const header = () => random.pick(random.chance(0.6) ? some.slice(0, 5) : some)();
    return Array.from({ length: random.below(3) }, header);
  }

  #build(wanted: {
    readonly method: string;
    readonly path: string;
    readonly query: string;
    readonly body?: Buffer | undefined;
    readonly effect?: FuzzedRequest['effect'];
    readonly touches?: readonly string[];
    readonly type?: string;
  }): FuzzedRequest {
    const random = this.#random;
    const { method, path, query, body, effect, touches = [], type } = wanted;
    const headers = random.chance(0.4) ? this.#headers() : [];
    if (!headers.some((header) => header.startsWith('host:'))) headers.unshift('host: localhost');
    if (type !== undefined) headers.push(`content-type: ${type}`);
    let framed: Buffer = Buffer.alloc(0);
    if (body !== undefined && random.chance(0.2)) {
      headers.push('transfer-encoding: chunked');
      framed = this.#chunked(body);
    } else if (body !== undefined) {
      headers.push(`content-length: ${body.length}`);
      framed = body;
    }
    const target = random.chance(0.02) ? `http://localhost${path}` : path;
    const head = `${method} ${target}${query === '' ? '' : `?${query}`} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`;
    const bytes = Buffer.concat([Buffer.from(head, 'latin1'), framed]);
    // Nobody can tell where such a request ends: nothing follows it on its connection.
    const form = headers.some((header) =>
      /^(expect|upgrade|transfer-encoding: gzip|content-length: 5$|no colon| )/.test(header),
    )
      ? 'cut'
      : 'whole';
    // What was done under this name before is answered again, and not done.
    const isNamed = headers.some((header) => header.startsWith('idempotency-key'));
    return { bytes, method, path, form, effect: isNamed || form === 'cut' ? undefined : effect, touches };
  }

  #chunked(body: Buffer): Buffer {
    const parts: Buffer[] = [];
    for (let at = 0; at < body.length; ) {
      const part = body.subarray(at, at + 1 + this.#random.below(body.length));
      parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
      at += part.length;
    }
    return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
  }
}

const readParameters = ['key-encoding', 'timing'];
const watchParameters = ['prefix', 'from', 'values', 'key-encoding', 'last-event-id', 'limit'];
/** Never `all`: keys of other lanes would go without their knowing. */
const deletionParameters = ['prefix', 'prefix', 'cursor', 'key-encoding', 'unknown'];
const expiries = ['ttl=100000', 'expires-at=never', 'ttl=5&expires-at=never', 'expires-at=1', 'ttl=never'];
const listParameters = [
  'prefix',
  'start',
  'start-after',
  'reverse',
  'delimiter',
  'limit',
  'cursor',
  'values',
  'key-encoding',
];
