/** What operators ask of the service, over whichever way they come: what it is like, and how its topology changes. */

import fastify, { type FastifyError, type FastifyInstance, type FastifyServerOptions } from 'fastify';
import { AccessRefused } from '../access/access-refused.ts';
import { ConfigError } from '../config/read-config.ts';
import { ChangeRefused } from '../rebalance/change-refused.ts';
import type { ChangeRequest, TopologyChange } from '../rebalance/topology-change.ts';
import { isDiskFull } from '../sqlite/database.ts';
import {
  type AdminActions,
  changeRequestSchema,
  type SteeringOrder,
  steeringOrderSchema,
  type TopologyActions,
} from './contract.ts';
import { SnapshotRefused } from './snapshot-refused.ts';

const noRoom = 'There is no room on the disk to record the change: nothing was begun. Free some, then try again.';

/** Why an order came to nothing. */
const nothingTo: Record<SteeringOrder['kind'], string> = {
  pause: 'There is no topology change to pause. `shardctl moves` lists them.',
  resume: 'No topology change is paused. `shardctl moves` lists them.',
  abort: 'No topology change is running. `shardctl moves` lists them.',
  throttle: 'There is nothing to throttle.',
};

/** It takes bodies as they are: a number is no path, and an unknown field is a mistake. */
export function operatorApp(options: FastifyServerOptions = {}): FastifyInstance {
  const app = fastify({
    ...options,
    logger: false,
    forceCloseConnections: true,
    // The schemas are this program's own: to check them by theirs takes 36 ms of each start.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, validateSchema: false } },
  });
  app.setErrorHandler((error, _request, reply) => {
    if (isDiskFull(error)) return reply.code(507).send({ detail: noRoom });
    if ((error as FastifyError).validation !== undefined) {
      const why = `The service does not understand this: ${(error as Error).message}.`;
      return reply.code(400).send({ detail: `${why} Is it of another version than who asks, or was a plan changed?` });
    }
    if (error instanceof SnapshotRefused) return reply.code(503).send({ detail: error.message });
    const isRefusal = error instanceof ChangeRefused || error instanceof ConfigError || error instanceof AccessRefused;
    const status = isRefusal ? 409 : ((error as { statusCode?: number }).statusCode ?? 500);
    return reply.code(status).send({ detail: (error as Error).message });
  });
  return app;
}

export function registerReading(app: FastifyInstance, actions: Pick<AdminActions, 'status' | 'topology'>): void {
  app.get('/v1/status', async () => actions.status());
  app.get('/v1/changes', async () => actions.topology.changes().map(viewOf));
  app.get('/v1/moves', async () => actions.topology.moves());
}

export function registerSteering(app: FastifyInstance, topology: TopologyActions): void {
  app.post<{ Body: ChangeRequest }>('/v1/plan', { schema: { body: changeRequestSchema } }, async ({ body }) =>
    topology.plan(body),
  );
  app.post<{ Body: ChangeRequest }>('/v1/changes', { schema: { body: changeRequestSchema } }, async ({ body }, reply) =>
    reply.code(202).send({ ...viewOf(topology.request(body)), waitsFor: topology.moves().open.length - 1 }),
  );
  app.post<{ Body: SteeringOrder }>('/v1/moves', { schema: { body: steeringOrderSchema } }, async ({ body }, reply) => {
    if (!topology.steer(body)) return reply.code(409).send({ detail: nothingTo[body.kind] });
    return reply.code(202).send({});
  });
}

/** Maps do not survive JSON; who owned every slot before is of no interest to anybody. */
function viewOf({ weights, weightsBefore, ringBefore: _, ...change }: TopologyChange) {
  return { ...change, weights: [...weights], weightsBefore: [...weightsBefore] };
}
