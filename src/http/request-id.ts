/** Names a request, so that a client, a proxy and the log can speak of the same one: `X-Request-Id`. */

import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

const header = 'x-request-id';

export const requestIdCharsMax = 128;
/** What UUIDs, trace ids and base64 are made of: nothing that a log or a header would have to quote. */
const idPattern = new RegExp(`^[\\w.:/+=@-]{1,${requestIdCharsMax}}$`);

/** The name that came along if it is one, else a new one. The answer says it. */
export function nameRequest({ headers }: IncomingMessage, response: ServerResponse): string {
  const given = headers[header];
  const id = typeof given === 'string' && idPattern.test(given) ? given : randomUUID();
  response.setHeader(header, id);
  return id;
}

/** Costs a request that brings no name a look into its headers. */
export function nameIfAsked(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers[header] !== undefined && !response.hasHeader(header)) nameRequest(request, response);
}

/** Of a request that has a name. */
export function requestIdOf(response: ServerResponse): string | undefined {
  return response.getHeader(header) as string | undefined;
}
