/**
 * The operators' API: HTTP over a Unix socket that only this user can reach. It parses and answers; what is
 * asked is done by whoever it was given.
 */

import { chmodSync } from 'node:fs';
import fastify from 'fastify';
import { AccessRefused } from '../access/access-refused.ts';
import { ChangeRefused } from '../rebalance/change-refused.ts';
import type { ChangeRequest, TopologyChange } from '../rebalance/topology-change.ts';
import { isDiskFull } from '../sqlite/database.ts';
import {
  type AdminActions,
  changeRequestSchema,
  type SteeringOrder,
  steeringOrderSchema,
  type TokenOrder,
  tokenOrderSchema,
} from './contract.ts';

export type AdminApi = { readonly close: () => Promise<void> };

const noRoom = 'There is no room on the disk to record the change: nothing was begun. Free some, then try again.';

/** Why an order came to nothing. */
const nothingTo: Record<SteeringOrder['kind'], string> = {
  pause: 'There is no topology change to pause.',
  resume: 'No topology change is paused.',
  abort: 'No topology change is running.',
  throttle: 'There is nothing to throttle.',
};

export async function listenForOperators(socketPath: string, actions: AdminActions): Promise<AdminApi> {
  const app = fastify({ logger: false, forceCloseConnections: true });
  app.setErrorHandler((error, _request, reply) => {
    if (isDiskFull(error)) return reply.code(507).send({ detail: noRoom });
    const isRefusal = error instanceof ChangeRefused || error instanceof AccessRefused;
    const status = isRefusal ? 409 : ((error as { statusCode?: number }).statusCode ?? 500);
    return reply.code(status).send({ detail: (error as Error).message });
  });
  app.get('/v1/status', async () => actions.status());
  app.post('/v1/stop', async (_request, reply) => {
    setImmediate(() => actions.stop());
    return reply.code(202).send({ pid: process.pid });
  });
  app.post<{ Params: { name: string } }>('/v1/processes/:name/restart', async ({ params }, reply) => {
    if (!actions.restart(params.name)) return reply.code(404).send({ detail: `There is no process ${params.name}.` });
    return reply.code(202).send({});
  });
  app.post<{ Body: ChangeRequest }>('/v1/plan', { schema: { body: changeRequestSchema } }, async ({ body }) =>
    actions.plan(body),
  );
  app.post<{ Body: ChangeRequest }>('/v1/changes', { schema: { body: changeRequestSchema } }, async ({ body }, reply) =>
    reply.code(202).send({ ...viewOf(actions.change(body)), waitsFor: actions.moves().open.length - 1 }),
  );
  app.post('/v1/verify', async () => actions.verify());
  app.get('/v1/changes', async () => actions.changes().map(viewOf));
  app.get('/v1/moves', async () => actions.moves());
  app.post<{ Body: SteeringOrder }>('/v1/moves', { schema: { body: steeringOrderSchema } }, async ({ body }, reply) => {
    if (!actions.steer(body)) return reply.code(409).send({ detail: nothingTo[body.kind] });
    return reply.code(202).send({});
  });
  app.get('/v1/tokens', async () => actions.tokens());
  app.post<{ Body: TokenOrder }>('/v1/tokens', { schema: { body: tokenOrderSchema } }, async ({ body }, reply) =>
    reply.code(201).send({ token: actions.createToken(body) }),
  );
  app.post<{ Params: { name: string } }>('/v1/tokens/:name/revoke', async ({ params }, reply) => {
    if (!actions.revokeToken(params.name)) return reply.code(404).send({ detail: `There is no token ${params.name}.` });
    return { tokens: actions.tokens().length };
  });
  app.post('/v1/access/reload', async () => {
    await actions.reloadAccess();
    return {};
  });
  await app.listen({ path: socketPath });
  chmodSync(socketPath, 0o600);
  return { close: () => app.close() };
}

/** Maps do not survive JSON; who owned every slot before is of no interest to anybody. */
function viewOf({ weights, weightsBefore, ringBefore: _, ...change }: TopologyChange) {
  return { ...change, weights: [...weights], weightsBefore: [...weightsBefore] };
}
