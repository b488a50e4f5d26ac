/**
 * The operators' API: HTTP over a Unix socket that only this user can reach. It parses and answers; what is
 * asked is done by whoever it was given.
 */

import { chmodSync } from 'node:fs';
import fastify from 'fastify';
import type { ServiceStatus } from './status.ts';

export type AdminActions = {
  readonly status: () => ServiceStatus;
  /** Begins to stop; does not wait for the end, since this very API ends with it. */
  readonly stop: () => Promise<void>;
  /** False when there is no child of that name. */
  readonly restart: (name: string) => boolean;
};

export type AdminApi = { readonly close: () => Promise<void> };

export async function listenForOperators(socketPath: string, actions: AdminActions): Promise<AdminApi> {
  const app = fastify({ logger: false, forceCloseConnections: true });
  app.get('/v1/status', async () => actions.status());
  app.post('/v1/stop', async (_request, reply) => {
    setImmediate(actions.stop);
    return reply.code(202).send({ pid: process.pid });
  });
  app.post<{ Params: { name: string } }>('/v1/processes/:name/restart', async ({ params }, reply) => {
    if (!actions.restart(params.name)) return reply.code(404).send({ detail: `There is no process ${params.name}.` });
    return reply.code(202).send({});
  });
  await app.listen({ path: socketPath });
  chmodSync(socketPath, 0o600);
  return { close: () => app.close() };
}
