/**
 * Who may do what at the admin port. A web page of another site can send requests here, or make its own name resolve to
 * this machine: neither gets through. To act takes a token, which is made anew with each start of the service.
 */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

export type Refusal = { readonly status: 401 | 403 | 421; readonly detail: string };

const tokenBytes = 24;

export class PageGuard {
  readonly token = randomBytes(tokenBytes).toString('base64url');
  readonly #digest = digestOf(this.token);
  readonly #hosts: ReadonlySet<string> | 'any';

  /** @param hosts names under which this port answers, without port */
  constructor(hosts: ReadonlySet<string> | 'any') {
    this.#hosts = hosts;
  }

  refusalOf(method: string | undefined, headers: IncomingHttpHeaders): Refusal | undefined {
    const { host = '', origin, authorization = '' } = headers;
    if (this.#hosts !== 'any' && !this.#hosts.has(host.replace(/:\d*$/, '').toLowerCase())) {
      return { status: 421, detail: `This port does not serve the host ${JSON.stringify(host)}.` };
    }
    const site = headers['sec-fetch-site'];
    const isOtherSite =
      (origin !== undefined && origin !== `http://${host}`) || site === 'cross-site' || site === 'same-site';
    if (isOtherSite && !(isReading(method) && headers['sec-fetch-mode'] === 'navigate')) {
      return { status: 403, detail: 'Web pages of other sites may not send requests to this port.' };
    }
    if (isReading(method)) return undefined;
    // Digests have one length, whatever was sent.
    if (timingSafeEqual(digestOf(authorization.replace(/^Bearer /i, '')), this.#digest)) return undefined;
    return {
      status: 401,
      detail: 'To change the service, open the address that `shardctl dashboard` prints. It is new after each start.',
    };
  }
}

/** A link on another site may lead here: the page then asks by itself. */
function isReading(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD';
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
