/**
 * `GET /v1/changes`: what is written, deleted and expires, as server-sent events; with `from=start` behind all that is
 * there. The id of each event is a position in the ledgers of all shards, from which a client that comes back goes on.
 */

import type { FastifyInstance } from 'fastify';
import { KvError } from '../../kv/errors.ts';
import { positionOfText, type WatchPosition } from '../../kv/feed-position.ts';
import type { Store } from '../../kv/store.ts';
import type { Admission } from '../admission.ts';
import { ChangeStream } from '../changes/change-stream.ts';
import { FeedWatch } from '../changes/feed-watch.ts';
import { positionNow } from '../changes/position-now.ts';
import { parameterErrors, type RouteDoc, storeErrors } from '../description/route-doc.ts';
import { sendProblem } from '../problem.ts';
import { prefixOf } from '../request/listing-parameters.ts';
import { oneOfTexts, parametersOf } from '../request/parameters.ts';

/** Streams that are open at a time, in each process. */
export const streamsMax = 1_000;

const watchParameters = ['prefix', 'key-encoding', 'from', 'values', 'last-event-id'] as const;

const watchChanges: RouteDoc = {
  id: 'watchChanges',
  group: 'Many keys',
  summary: 'Watch changes',
  description:
    'Server-sent events: `put`, `delete` or `expire`, with the key and its version. Events of one key come in order. ' +
    'A client that reconnects with the id of its last event continues there. `from=start` sends every existing key first, ' +
    'as a `put`, then the event `live`, then all changes. With `values=true` a `put` has the value. If a later write has ' +
    'already replaced it, the event has `gone` instead, and the later write follows.',
  query: watchParameters,
  headers: ['Last-Event-ID'],
  answers: { 200: 'changes' },
  errors: [...parameterErrors, ...storeErrors, 'changes-gone'],
  example: "curl --no-buffer --max-time 1 '{origin}/v1/changes?prefix=cities/'",
};

declare module 'fastify' {
  interface FastifyInstance {
    /** How many clients are watching changes. */
    readonly watchers: () => number;
  }
}

export function registerChangesRoutes(app: FastifyInstance, { feed }: Store, admission: Admission): void {
  const streams = new Set<ChangeStream>();
  app.decorate('watchers', () => streams.size);
  if (feed === undefined) return;
  const watch = new FeedWatch(feed);
  const endStreams = () => {
    for (const stream of streams) stream.end();
  };
  app.retirement.onBegin(endStreams);
  app.addHook('preClose', async () => {
    watch.stop();
    endStreams();
  });

  app.get('/v1/changes', { schema: { doc: watchChanges } }, async (request, reply) => {
    const parameters = parametersOf(request.raw.url as string, watchParameters);
    const prefix = prefixOf(parameters);
    const isFromStart = oneOfTexts('from', parameters.from, ['now', 'start']) === 'start';
    const values = oneOfTexts('values', parameters.values, ['true', 'false']) === 'true';
    const reach = admission.reachOf(request, prefix);
    const asked = positionAsked(request.headers['last-event-id'], parameters['last-event-id']);
    if (streams.size >= streamsMax) {
      return sendProblem(reply, 'overloaded', `${streams.size} clients are watching here already.`);
    }
    const position = asked ?? { ...(await positionNow(feed)), ...(isFromStart && { listedTo: Buffer.alloc(0) }) };
    const store = admission.storeFor(request);
    const { bodyBudget: budget } = app;
    const hasComeBack = asked !== undefined;
    const stream = new ChangeStream({ feed, watch, position, hasComeBack, reach, store, prefix, values, budget });
    const refusal = await stream.begin();
    if (refusal !== undefined) return sendProblem(reply, refusal.code, refusal.message);
    streams.add(stream);
    // It came over a connection that is open still: its client is told where it is, and comes back to somebody else.
    if (app.retirement.isUnderWay) stream.end();
    reply.hijack();
    try {
      await stream.run(reply.raw);
    } finally {
      streams.delete(stream);
    }
  });
}

/** @throws KvError parameter-invalid */
function positionAsked(
  header: string | string[] | undefined,
  parameter: string | undefined,
): WatchPosition | undefined {
  // A browser that comes back sends the header; the parameter is what it came with at first.
  const text = header === undefined || header === '' ? parameter : String(header);
  if (text === undefined) return undefined;
  const position = positionOfText(text);
  if (position !== undefined) return position;
  throw new KvError('parameter-invalid', 'Last-Event-ID must be the id of an event that this service has sent.');
}
