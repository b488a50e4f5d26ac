/** Finds out, before anything is forked, whether the service can listen where it should. */

import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import type { ServiceConfig } from '../config/service-config.ts';

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

/** Operators look at the service from this machine alone. */
const adminHost = '127.0.0.1';

/**
 * Listens for operators, before anybody else may take the port; whoever asks is answered once the server has a handler.
 * A port that nobody has asked for need not be this one: a second service beside this starts all the same.
 * @throws UnusableAddress when the port that was asked for cannot be had
 */
export async function listenOnAdminPort({ adminPort, port }: ServiceConfig): Promise<Server | undefined> {
  if (adminPort === 'off') return undefined;
  if (adminPort !== undefined && adminPort !== 0 && adminPort === port) {
    throw new UnusableAddress(`--port and --admin-port are both ${port}. Choose two different ports.`);
  }
  const usual = port === 0 ? 0 : (port + 1) % 65_536;
  try {
    return await listenAt(adminPort ?? usual);
  } catch (error) {
    if (adminPort === undefined) return listenAt(0);
    const why = whyNot(error as NodeJS.ErrnoException, adminHost, adminPort, '--admin-port');
    throw new UnusableAddress(why, { cause: error });
  }
}

function listenAt(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createHttpServer();
    server.once('error', reject);
    server.listen({ host: adminHost, port, exclusive: true }, () => resolve(server));
  });
}

function whyNot(error: NodeJS.ErrnoException, host: string, port: number, flag = '--port'): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is already in use. Choose another with ${flag}, or 0 for any free one.`;
    case 'EACCES':
      return `Port ${port} on ${host} is not allowed for this user. Choose one from 1024 up with ${flag}.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `This machine has no address ${host}. Choose one with --host, such as 127.0.0.1 or 0.0.0.0.`;
    default:
      return `Cannot listen on ${host}:${port}: ${error.message}`;
  }
}
