/**
 * What operators and their programs reach on loopback over TCP: metrics, and a page. Anybody on this machine may read
 * there: it tells no key and no value. To act takes the token that only this user gets, over the admin socket.
 */

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { allowedHostsOf } from '../http/host-guard.ts';
import type { Measure } from '../metrics/measure.ts';
import type { AdminActions } from './contract.ts';
import { registerDashboard } from './dashboard.ts';
import { operatorApp, registerReading, registerSteering } from './operator-routes.ts';
import { PageGuard } from './page-guard.ts';

export type AdminPort = {
  readonly url: string;
  /** Of the page, with the token to act. */
  readonly dashboard: string;
  readonly close: () => Promise<void>;
};

/** Whoever knows how the service does. */
export interface ObservedService extends AdminActions {
  measures(): Promise<readonly Measure[]>;
}

const loopback = '127.0.0.1';

/** @param server which listens already */
export async function serveAdminPort(server: Server, service: ObservedService): Promise<AdminPort> {
  const app = operatorApp({ serverFactory: (handle) => server.on('request', handle) });
  const guard = new PageGuard(allowedHostsOf(loopback, []));
  app.addHook('onRequest', async ({ method, headers }, reply) => {
    const refusal = guard.refusalOf(method, headers);
    if (refusal !== undefined) return reply.code(refusal.status).send({ detail: refusal.detail });
  });
  registerDashboard(app);
  registerReading(app, service);
  registerSteering(app, service.topology);
  app.get('/metrics', async (_request, reply) => {
    // Loaded by the first scrape: it takes longer than all of the start of this process.
    const { expositionOf } = await import('../metrics/exposition.ts');
    const { contentType, text } = await expositionOf(await service.measures());
    return reply.type(contentType).send(text);
  });
  await app.ready();
  const { port } = server.address() as AddressInfo;
  const url = `http://${loopback}:${port}`;
  // Browsers keep what follows # to themselves: the token is in no request line and in no log.
  return { url, dashboard: `${url}/#token=${guard.token}`, close: () => app.close() };
}
