/**
 * What is wrong with a request before anybody asks what it wants: whom it is for, and where its body ends. Node's parser
 * refuses most of that; here is what it lets pass, so that no proxy and we take one request for two different ones.
 */

import type { IncomingMessage } from 'node:http';
import { KvError } from '../kv/errors.ts';

/** RFC 3986, 3.2.2 and 3.2.3: characters of a host and a port. Empty where a URL has none. */
const hostAndPort = /^[\w.~!$&'()*+,;=%[\]:-]*$/;
/** The host, and what follows it. */
const absoluteForm = /^https?:\/\/([^/?#]*)(.*)$/i;

/** Clients send the same header with every request: the last one that was a host is known without looking. */
let lastHost = '';

/** Undefined when nothing is. A URL that names its host itself has, afterwards, replaced the Host header. */
export function framingFault(request: IncomingMessage): KvError | undefined {
  const { headers, rawHeaders, httpVersion, url = '' } = request;
  // The parser knows 0.9 and 2.0, too, which are other protocols with the same words.
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return malformed('This is HTTP/1.1, and HTTP/1.0 if need be.');
  if (headers.host === undefined) {
    if (httpVersion === '1.1') return malformed('A request of HTTP/1.1 names its host: send a Host header.');
  } else if (linesNamed('host', rawHeaders) > 1) {
    return malformed('A request has one Host header, and this one has several.');
  } else if (headers.host !== lastHost) {
    if (!hostAndPort.test(headers.host)) {
      return malformed(`Host is a host name with or without a port, not ${JSON.stringify(headers.host)}.`);
    }
    lastHost = headers.host;
  }
  const encoding = headers['transfer-encoding'];
  if (encoding !== undefined) {
    if (httpVersion !== '1.1') return malformed('HTTP/1.0 has no Transfer-Encoding: send a Content-Length.');
    if (encoding.toLowerCase() !== 'chunked') {
      return new KvError(
        'transfer-coding-unsupported',
        `The only Transfer-Encoding that is understood is chunked, not ${JSON.stringify(encoding)}.`,
      );
    }
  }
  return url.startsWith('/') ? undefined : adoptHostOfUrl(request, url);
}

/** RFC 9112, 3.2.2: the host in an absolute URL counts, and the Host header does not. */
function adoptHostOfUrl(request: IncomingMessage, url: string): KvError | undefined {
  const [, authority] = absoluteForm.exec(url) ?? [];
  if (authority === undefined) return undefined;
  // RFC 9110, 4.2.4: "user@host" is there to deceive. And a URL of HTTP has a host.
  if (authority === '' || !hostAndPort.test(authority)) {
    return malformed('The URL of the request names no host: write it as http://HOST/PATH, or as its path alone.');
  }
  request.headers.host = authority;
  return undefined;
}

/** Of a whole URL its path. Anything else, such as `*`, is no path of ours: Fastify would take it for the root. */
export function pathOfTarget(target: string): string {
  const [, , path] = absoluteForm.exec(target) ?? [];
  return path === undefined ? `/${target}` : path || '/';
}

/** Node keeps the first of several lines that may come once, and says nothing. */
function linesNamed(name: string, rawHeaders: readonly string[]): number {
  let lines = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const found = rawHeaders[at] as string;
    if (found.length === name.length && found.toLowerCase() === name) lines++;
  }
  return lines;
}

function malformed(detail: string): KvError {
  return new KvError('request-malformed', detail);
}
