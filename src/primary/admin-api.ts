/**
 * The operators' API: HTTP over a Unix socket that only this user can reach. It parses and answers; what is
 * asked is done by whoever it was given.
 */

import { chmodSync } from 'node:fs';
import fastify from 'fastify';
import { isDiskFull } from '../sqlite/database.ts';
import type { ServiceAudit } from './audit.ts';
import type { Change, ChangeWish } from './change.ts';
import type { ChangePlan } from './change-plan.ts';
import { ChangeRefused } from './change-refused.ts';
import type { Mover } from './mover.ts';
import type { ServiceStatus } from './status.ts';
import type { ThrottleSetting } from './throttle.ts';

export type SteeringOrder =
  | { readonly kind: 'pause' | 'resume' | 'abort' }
  | { readonly kind: 'throttle'; readonly setting: ThrottleSetting };

export type AdminActions = {
  readonly status: () => ServiceStatus;
  /** Begins to stop; does not wait for the end, since this very API ends with it. */
  readonly stop: () => Promise<void>;
  /** False when there is no child of that name. */
  readonly restart: (name: string) => boolean;
  /** @throws ChangeRefused */
  readonly plan: (wish: ChangeWish) => ChangePlan;
  /** Queues it. @throws ChangeRefused */
  readonly change: (wish: ChangeWish) => Change;
  readonly moves: () => ReturnType<Mover['status']>;
  /** @throws ChangeRefused when a shard is away */
  readonly verify: () => Promise<ServiceAudit>;
  /** Newest first. */
  readonly changes: () => readonly Change[];
  /** False when there is nothing to steer. */
  readonly steer: (order: SteeringOrder) => boolean;
};

export type AdminApi = { readonly close: () => Promise<void> };

const noRoom = 'There is no room on the disk to record the change: nothing was begun. Free some, then try again.';

const wishSchema = {
  type: 'object',
  required: ['kind'],
  additionalProperties: false,
  properties: {
    kind: { enum: ['add-shard', 'remove-shard', 'rebalance'] },
    count: { type: 'integer' },
    weight: { type: 'integer' },
    shard: { type: 'integer' },
    weights: { type: 'array', items: { type: 'array', minItems: 2, maxItems: 2, items: { type: 'integer' } } },
    epoch: { type: 'integer' },
  },
};

const orderSchema = {
  type: 'object',
  required: ['kind'],
  additionalProperties: false,
  properties: {
    kind: { enum: ['pause', 'resume', 'abort', 'throttle'] },
    setting: {
      type: 'object',
      required: ['kind'],
      properties: {
        kind: { enum: ['automatic', 'rows-per-s', 'p99-ms'] },
        rowsPerS: { type: 'integer', minimum: 1 },
        p99Ms: { type: 'number', exclusiveMinimum: 0 },
      },
    },
  },
};

export async function listenForOperators(socketPath: string, actions: AdminActions): Promise<AdminApi> {
  const app = fastify({ logger: false, forceCloseConnections: true });
  app.setErrorHandler((error, _request, reply) => {
    if (isDiskFull(error)) return reply.code(507).send({ detail: noRoom });
    const isRefusal = error instanceof ChangeRefused;
    const status = isRefusal ? 409 : ((error as { statusCode?: number }).statusCode ?? 500);
    return reply.code(status).send({ detail: (error as Error).message });
  });
  app.get('/v1/status', async () => actions.status());
  app.post('/v1/stop', async (_request, reply) => {
    setImmediate(actions.stop);
    return reply.code(202).send({ pid: process.pid });
  });
  app.post<{ Params: { name: string } }>('/v1/processes/:name/restart', async ({ params }, reply) => {
    if (!actions.restart(params.name)) return reply.code(404).send({ detail: `There is no process ${params.name}.` });
    return reply.code(202).send({});
  });
  app.post<{ Body: ChangeWish }>('/v1/plan', { schema: { body: wishSchema } }, async ({ body }) => actions.plan(body));
  app.post<{ Body: ChangeWish }>('/v1/changes', { schema: { body: wishSchema } }, async ({ body }, reply) =>
    reply.code(202).send({ ...viewOf(actions.change(body)), waitsFor: actions.moves().open.length - 1 }),
  );
  app.post('/v1/verify', async () => actions.verify());
  app.get('/v1/changes', async () => actions.changes().map(viewOf));
  app.get('/v1/moves', async () => actions.moves());
  app.post<{ Body: SteeringOrder }>('/v1/moves', { schema: { body: orderSchema } }, async ({ body }, reply) => {
    if (!actions.steer(body)) return reply.code(409).send({ detail: 'No topology change is running.' });
    return reply.code(202).send({});
  });
  await app.listen({ path: socketPath });
  chmodSync(socketPath, 0o600);
  return { close: () => app.close() };
}

/** Maps do not survive JSON. */
function viewOf({ weights, weightsBefore, ...change }: Change) {
  return { ...change, weights: [...weights], weightsBefore: [...weightsBefore] };
}
