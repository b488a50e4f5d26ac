/**
 * What the service says of itself: `/v1/topology`, `/livez`, `/readyz`. Read-only, and without a store, so
 * that they answer while every shard is away.
 */

import type { FastifyInstance } from 'fastify';
import type { RingDescription } from '../../partition/ring.ts';
import type { RouteDoc } from '../description/route-doc.ts';
import { sendProblem } from '../problem.ts';

type ShardStanding = { readonly id: number; readonly state: string; readonly slots: number };

/** What a client or a balancer may know. */
export type TopologyView = RingDescription & { readonly shards: readonly ShardStanding[] };

export type Readiness =
  | { readonly ready: true; readonly failedShards: readonly number[]; readonly silentShards: readonly number[] }
  | { readonly ready: false; readonly why: string };

export type ServiceView = {
  readonly topology: () => TopologyView;
  readonly readiness: () => Readiness;
  /** Nobody is dealt new connections then: whoever asks over an open one should know. */
  readonly isPrimarySilent: () => boolean;
};

/** Health checkers like to ask with HEAD. */
export function withHead(doc: RouteDoc) {
  return { exposeHeadRoute: true, schema: { doc } };
}

const readTopology: RouteDoc = {
  id: 'readTopology',
  group: 'Service',
  summary: 'Which shard owns which slots',
  answers: { 200: 'topology' },
  errors: [],
  example: 'curl {origin}/v1/topology',
};

const readLiveness: RouteDoc = {
  id: 'readLiveness',
  group: 'Service',
  summary: 'Whether the process responds',
  answers: { 200: 'liveness' },
  errors: [],
  example: 'curl {origin}/livez',
};

const readReadiness: RouteDoc = {
  id: 'readReadiness',
  group: 'Service',
  summary: 'Whether keys can be served',
  answers: { 200: 'readiness' },
  errors: ['not-ready'],
  example: 'curl {origin}/readyz',
};

export function registerServiceRoutes(app: FastifyInstance, service: ServiceView): void {
  app.get('/v1/topology', withHead(readTopology), async () => {
    const { epoch, shards, ranges } = service.topology();
    return { epoch, shards, slots: ranges.map(([first, last, shard]) => ({ first, last, shard })) };
  });

  app.get('/livez', withHead(readLiveness), async () => ({ status: 'alive' }));

  app.get('/readyz', withHead(readReadiness), async (_request, reply) => {
    const readiness = service.readiness();
    if (!readiness.ready) return sendProblem(reply, 'not-ready', readiness.why);
    const { failedShards, silentShards } = readiness;
    const primary = service.isPrimarySilent() ? 'silent' : 'alive';
    const isWhole = failedShards.length === 0 && silentShards.length === 0 && primary === 'alive';
    return { status: isWhole ? 'ready' : 'degraded', failedShards, silentShards, primary };
  });
}
