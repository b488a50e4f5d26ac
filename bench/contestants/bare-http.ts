/**
 * The floor for GET: a bare `node:http` server that answers every request with the same bytes, as many as a stored
 * value has. No framework, no store: what is left is what Node itself costs.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { announce } from './announcement.ts';

const valueBytes = 100;
const body = Buffer.alloc(valueBytes, '0123456789abcdef');

const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': valueBytes });
  response.end(body);
});
server.listen({ host: '127.0.0.1', port: 0 }, () => {
  announce((server.address() as AddressInfo).port, [{ role: 'server', pid: process.pid }]);
});
process.on('SIGTERM', () => process.exit(0));
