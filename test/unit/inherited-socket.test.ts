/** Where a socket that was handed over listens, by the tables of the kernel. */

import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { inheritedSocket, listeningAt } from '../../src/primary/inherited-socket.ts';

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';
const row = (address: string, state: string, inode: number) =>
  `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0 100 0 0 10 0`;

test.each([
  ['0100007F:1E14', '127.0.0.1', 7700],
  ['00000000:0050', '0.0.0.0', 80],
  ['00000000000000000000000000000000:1E14', '::', 7700],
  ['00000000000000000000000001000000:FFFF', '::1', 65_535],
  ['B80D0120000000000000000001000000:1E14', '2001:db8::1', 7700],
])('%s is %s, port %i', (address, host, port) => {
  const table = [head, row('0100007F:0001', '0A', 41), row(address, '0A', 42)].join('\n');
  expect(listeningAt(table, '42')).toEqual({ host, port });
});

test('a connection is no listening socket, and an unknown inode is none', () => {
  const table = [head, row('0100007F:1E14', '01', 42)].join('\n');
  expect([listeningAt(table, '42'), listeningAt(table, '43')]).toEqual([undefined, undefined]);
});

test('nothing was handed over to a process that is not named', () => {
  expect(inheritedSocket({ LISTEN_FDS: '1', LISTEN_PID: '1' }, 2)).toBeUndefined();
  expect(inheritedSocket({}, 2)).toBeUndefined();
});

test('a real socket is found in the tables of this kernel', async () => {
  if (process.platform !== 'linux') return console.warn('SKIPPED: only Linux has /proc/net');
  const server = createServer().listen(0, '::1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  const [, inode = ''] = /\[(\d+)\]/.exec(readlinkSync(`/proc/self/fd/${fd}`)) ?? [];
  const table = readFileSync('/proc/self/net/tcp6', 'utf8');
  expect(listeningAt(table, inode)).toEqual({ host: '::1', port: (server.address() as AddressInfo).port });
});
