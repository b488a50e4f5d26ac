/**
 * The operators' API over a Unix socket that only this user can reach. It parses and answers; what is asked is done by
 * whoever it was given.
 */

import { chmodSync } from 'node:fs';
import { noSuchToken } from '../access/access-refused.ts';
import { keepPath } from '../ports/kept-path.ts';
import {
  type AdminActions,
  type ProfileRequest,
  profileRequestSchema,
  snapshotRequestSchema,
  type TokenOrder,
  tokenOrderSchema,
} from './contract.ts';
import { operatorApp, registerReading, registerSteering } from './operator-routes.ts';

export type AdminApi = { readonly close: () => Promise<void> };

export async function listenForOperators(socketPath: string, actions: AdminActions): Promise<AdminApi> {
  const app = operatorApp();
  registerReading(app, actions);
  registerSteering(app, actions.topology);
  app.post('/v1/stop', async (_request, reply) => {
    setImmediate(() => actions.stop());
    return reply.code(202).send({ pid: process.pid });
  });
  app.post<{ Params: { what: string } }>('/v1/reload/:what', async ({ params }) => actions.reload(params.what));
  app.post<{ Body: ProfileRequest }>('/v1/profiles', { schema: { body: profileRequestSchema } }, async ({ body }) => {
    await actions.profile(body);
    return {};
  });
  app.get('/v1/settings', async () => actions.settings());
  app.post('/v1/verify', async () => actions.verify());
  app.post<{ Body: { directory: string } }>(
    '/v1/snapshots',
    { schema: { body: snapshotRequestSchema } },
    async ({ body }, reply) => reply.code(201).send(await actions.snapshots.begin(body.directory)),
  );
  app.get<{ Params: { id: string } }>('/v1/snapshots/:id', async ({ params }) =>
    actions.snapshots.renew(Number(params.id)),
  );
  app.post<{ Params: { id: string } }>('/v1/snapshots/:id/end', async ({ params }) => {
    actions.snapshots.end(Number(params.id));
    return {};
  });
  app.get('/v1/dashboard', async (_request, reply) => {
    const address = actions.dashboard();
    if (address !== null) return { address };
    return reply.code(409).send({ detail: 'The page is off: start the service without --admin-port off.' });
  });
  app.get('/v1/tokens', async () => actions.access.tokens());
  app.post<{ Body: TokenOrder }>('/v1/tokens', { schema: { body: tokenOrderSchema } }, async ({ body }, reply) =>
    reply.code(201).send({ token: actions.access.create(body) }),
  );
  app.post<{ Params: { name: string } }>('/v1/tokens/:name/revoke', async ({ params }, reply) => {
    if (!actions.access.revoke(params.name)) return reply.code(404).send({ detail: noSuchToken(params.name) });
    return { tokens: actions.access.tokens().length };
  });
  app.post('/v1/access/reload', async () => {
    await actions.access.reload();
    return {};
  });
  // Each time that its path is made.
  app.server.on('listening', () => chmodSync(socketPath, 0o600));
  await app.listen({ path: socketPath });
  const letGo = keepPath(app.server, socketPath);
  return {
    close() {
      letGo();
      return app.close();
    },
  };
}
