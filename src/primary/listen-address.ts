/** Finds out, before anything is forked, whether the service can listen where it should. */

import { type AddressInfo, createServer } from 'node:net';

/** Nobody can listen at this address; the message says why and what to do. */
export class UnusableAddress extends Error {
  override readonly name = 'UnusableAddress';
}

/**
 * Listens for a moment. Port 0 becomes a free port here, once: node:cluster would give routers that start later
 * another one.
 * @throws UnusableAddress
 */
export function checkedPort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) =>
      reject(new UnusableAddress(whyNot(error, host, port), { cause: error })),
    );
    probe.listen({ host, port, exclusive: true }, () => {
      const { port: found } = probe.address() as AddressInfo;
      probe.close(() => resolve(found));
    });
  });
}

function whyNot(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is taken by another program: choose one with --port, or 0 for any free one.`;
    case 'EACCES':
      return `Port ${port} on ${host} is not open to this user: choose one from 1024 up with --port.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `This machine has no address ${host}: choose one with --host, e.g. 127.0.0.1 or 0.0.0.0.`;
    default:
      return `Cannot listen on ${host}:${port}: ${error.message}`;
  }
}
