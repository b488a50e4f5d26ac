/** What no header can hold is refused by its code before anything is sent: nobody listens at this address. */

import { expect, test } from 'vitest';
import { connect, type ShardliteClient } from '../../src/client/connect.ts';

const kv = connect('http://127.0.0.1:9');

test.each<[code: string, call: (value: string) => Promise<unknown>]>([
  ['content-type-invalid', (value) => kv.put('key', 'value', { contentType: value })],
  ['idempotency-key-invalid', (value) => kv.put('key', 'value', { idempotencyKey: value })],
  ['idempotency-key-invalid', (value) => kv.batch([{ op: 'get', key: 'key' }], { idempotencyKey: value })],
  ['condition-malformed', (value) => kv.delete('key', { ifVersion: value as unknown as number })],
  ['parameter-invalid', (value) => kv.changes({ after: value }).next()],
  ['token-invalid', (value) => connectedWith(value).get('key')],
])('%s', async (code, call) => {
  for (const value of ['a\nb', 'a\rb', 'a\0b', 'a\x01b', '€']) {
    await expect(call(value)).rejects.toMatchObject({ name: 'ShardliteError', code, status: 0 });
  }
});

test('the error does not show what may be a secret', async () => {
  await expect(connectedWith('secret\nline').get('key')).rejects.toThrow(/^((?!secret).)*$/);
});

function connectedWith(token: string): ShardliteClient {
  return connect('http://127.0.0.1:9', { token });
}
