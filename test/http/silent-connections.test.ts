import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { closeSilentWithIdle } from '../../src/http/silent-connections.ts';

test('with the idle connections end those on which nothing was asked; one that is asking keeps its answer', async () => {
  let answer = () => {};
  const server = createServer((_request, response) => {
    answer = () => response.end('answered');
  });
  closeSilentWithIdle(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => server.closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const silent = connect(port, '127.0.0.1');
  await once(server, 'connection');
  const asking = fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
  await once(server, 'request');

  const closed = once(server, 'close');
  server.close();
  server.closeIdleConnections();
  silent.resume();
  await once(silent, 'close');
  answer();
  expect(await (await asking).text()).toBe('answered');
  await closed;
});
