/**
 * Refuses requests that ask for a host name which is not ours. A web page of another origin can make its own
 * name resolve to the loopback address ("DNS rebinding") and would then be allowed to read answers; it cannot
 * change the Host header that the browser sends.
 */

import type { onRequestHookHandler } from 'fastify';
import { KvError } from '../kv/errors.ts';

const loopbackNames = ['localhost', '127.0.0.1', '[::1]'];

/** @param host the address listened on: beyond loopback anybody may connect anyway, under any name */
export function allowedHostsOf(host: string, configured: readonly string[]): ReadonlySet<string> | 'any' {
  if (configured.includes('*') || (!isLoopback(host) && configured.length === 0)) return 'any';
  return new Set([...loopbackNames, host, ...configured.map((name) => name.toLowerCase())]);
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

export function hostGuard(allowedHosts: ReadonlySet<string>): onRequestHookHandler {
  // Clients send the same header with every request: the last one that was allowed is known without parsing.
  let lastAllowed = '';
  return (request, _reply, done) => {
    const header = request.headers.host ?? '';
    if (header === lastAllowed) return done();
    const name = header.replace(/:\d*$/, '').toLowerCase();
    // HTTP/1.0 clients send none, browsers always do.
    if (name !== '' && !allowedHosts.has(name)) {
      return done(
        new KvError(
          'host-not-allowed',
          `The service does not answer for the host ${JSON.stringify(name)}: start it with --allowed-hosts to add one.`,
        ),
      );
    }
    lastAllowed = header;
    done();
  };
}
