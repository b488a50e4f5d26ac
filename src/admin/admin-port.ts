/**
 * What operators and their programs reach on loopback over TCP: the metrics. Anybody on this machine may read there, and
 * nobody can change anything.
 */

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import { allowedHostsOf } from '../http/host-guard.ts';
import type { Measure } from '../metrics/measure.ts';

export type AdminPort = { readonly url: string; readonly close: () => Promise<void> };

/** Whoever knows how the service does. */
export interface ObservedService {
  measures(): Promise<readonly Measure[]>;
}

const loopback = '127.0.0.1';

/** @param server which listens already */
export async function serveAdminPort(server: Server, service: ObservedService): Promise<AdminPort> {
  const app = fastify({
    logger: false,
    forceCloseConnections: true,
    serverFactory: (handle) => server.on('request', handle),
  });
  const names = allowedHostsOf(loopback, []);
  app.addHook('onRequest', async ({ headers: { host = '' } }, reply) => {
    // A web page can make its own name resolve to this machine, and would read what is said here.
    if (names === 'any' || names.has(host.replace(/:\d*$/, '').toLowerCase())) return;
    return reply.code(421).send({ detail: `This port does not answer for the host ${JSON.stringify(host)}.` });
  });
  app.get('/metrics', async (_request, reply) => {
    // Loaded by the first scrape: it takes longer than all of the start of this process.
    const { expositionOf } = await import('../metrics/exposition.ts');
    const { contentType, text } = await expositionOf(await service.measures());
    return reply.type(contentType).send(text);
  });
  await app.ready();
  const { port } = server.address() as AddressInfo;
  return { url: `http://${loopback}:${port}`, close: () => app.close() };
}
