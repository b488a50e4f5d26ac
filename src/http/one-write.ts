/**
 * Ends a response whose head and body together are one short text. Node's own `end(text)` gives the socket the text and
 * an empty one behind it, which leave by `writev`: 1.5 µs of CPU more, an eighth of what Node takes for a small answer.
 * An `end()` without a body sends the head alone, by one plain write; so the body is put behind the head before.
 */

import type { ServerResponse } from 'node:http';

/** Node keeps the head that is not sent yet under this name; a version that did not would send as it likes. */
type WithHead = ServerResponse & { _header?: unknown };

/** @param response its head is written, with the length of the body @param text in latin1, of a few KiB at most */
export function endInOneWrite(response: WithHead, text: string): void {
  if (typeof response._header !== 'string') {
    response.end(text, 'latin1');
    return;
  }
  response._header += text;
  response.end();
}
