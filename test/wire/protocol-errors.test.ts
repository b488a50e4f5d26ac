/** Peers that break the protocol are cut off, and nothing else happens. */

import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { routerHelloFrame } from '../../src/wire/frame.ts';
import { ask, linkTo, startShard } from '../support/in-process-shards.ts';
import { get } from '../support/operations.ts';

const hello = routerHelloFrame(randomBytes(8));
const otherVersion = Buffer.from(hello);
otherVersion.writeUInt16LE(99, 4);

test.each([
  ['no hello at all', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
  ['a hello of another wire version', otherVersion],
  ['a frame longer than any may be', Buffer.concat([hello, Buffer.from([0xff, 0xff, 0xff, 0xff])])],
  ['a frame too short for a request', Buffer.concat([hello, Buffer.from([1, 0, 0, 0, 7])])],
  ['an operation that does not exist', Buffer.concat([hello, Buffer.from([40, 0, 0, 0]), Buffer.alloc(40, 0xee)])],
])('a router that sends %s is cut off, and the shard goes on serving', async (_what, bytes) => {
  const shard = await startShard(1);
  const socket = connect(shard.address.socketPath as string);
  socket.resume();
  await new Promise((resolve) => {
    socket.on('close', resolve);
    socket.on('error', () => {});
    socket.write(bytes);
  });
  expect(shard.wireErrors).toHaveLength(1);

  const link = linkTo(1);
  link.serveAt(shard.address.socketPath as string);
  expect(await ask(link, get('key'))).toEqual({ kind: 'absent' });
});

test('a link refuses a socket behind which another shard answers', async () => {
  const shard = await startShard(2);
  const errors: string[] = [];
  const link = linkTo(1, { limits: { deadlineMs: 100 }, onWireError: ({ message }) => errors.push(message) });
  link.serveAt(shard.address.socketPath as string);
  expect(await ask(link, get('key'))).toMatchObject({ kind: 'failed', code: 'shard-unavailable' });
  expect(errors[0]).toBe('shard 2 answers in place of shard 1');
});
