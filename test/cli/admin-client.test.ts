/** What operators' commands make of a service that does not answer. */

import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ServiceUnreachable, statusOfService } from '../../src/admin/admin-client.ts';
import { adminSocketOf } from '../../src/config/data-directory.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test('a service that hangs up before it is asked, as one that has just stopped, is told as not running', async () => {
  const data = temporaryDirectory();
  const socket = adminSocketOf(data);
  mkdirSync(dirname(socket), { recursive: true });
  const server = createServer((connection) => connection.destroy()).listen(socket);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  for (let asked = 0; asked < 20; asked++) {
    await expect(statusOfService(data)).rejects.toThrow(ServiceUnreachable);
  }
});
