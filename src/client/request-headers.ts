/** The headers of a request. What no header can hold is refused before anything is sent, as the service would refuse it. Pure. */

import { ShardliteError, type ShardliteErrorCode } from './shardlite-error.ts';

const codes: Readonly<Record<string, ShardliteErrorCode>> = {
  authorization: 'token-invalid',
  'content-type': 'content-type-invalid',
  'idempotency-key': 'idempotency-key-invalid',
  'if-match': 'condition-malformed',
  'last-event-id': 'parameter-invalid',
};

/** The value is not shown: it may be a token. @throws ShardliteError */
export function checkedHeaders(fields: Readonly<Record<string, string>>): Headers {
  for (const [name, value] of Object.entries(fields)) {
    if (/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) continue;
    const message = `The value for the header ${name} has a line break or another character that no header can have.`;
    throw new ShardliteError(codes[name] ?? 'request-malformed', 0, `${message} Use visible Latin-1 characters.`);
  }
  return new Headers(fields);
}
