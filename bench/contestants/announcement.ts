/** How a contestant of the benchmark's own says where it serves: as the service does, with one line of JSON. */

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Call when listening. From then on the contestant ends with the benchmark, however that ends. */
export function announce(server: Server): void {
  const { address, port } = server.address() as AddressInfo;
  console.log(JSON.stringify({ event: 'service-ready', url: `http://${address}:${port}` }));
  process.on('disconnect', () => process.exit(1));
}
