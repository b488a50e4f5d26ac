/**
 * `GET /v1/changes`: what is written, deleted and expires, as server-sent events. The id of each event is a position
 * in the ledgers of all shards, from which a client that comes back goes on.
 */

import type { FastifyInstance } from 'fastify';
import { KvError } from '../../kv/errors.ts';
import { beginning, type FeedSource } from '../../kv/feed.ts';
import { type FeedPosition, positionOfText } from '../../kv/feed-merge.ts';
import { keyBytesMax } from '../../kv/key.ts';
import type { Store } from '../../kv/store.ts';
import type { Admission } from '../admission.ts';
import { parameterErrors, type RouteDoc, storeErrors } from '../description/route-doc.ts';
import { sendProblem } from '../problem.ts';
import { oneOfTexts, parametersOf } from '../request/parameters.ts';
import { ChangeStream } from './change-stream.ts';
import { FeedWatch } from './feed-watch.ts';

/** Streams that are open at a time, in each process. */
export const streamsMax = 1_000;
/** Shards that just let go of slots are asked again this often where a feed begins. */
const retryIntervalMs = 10;
const beginDeadlineMs = 5_000;

const watchParameters = ['prefix', 'key-encoding', 'last-event-id'] as const;

const watchChanges: RouteDoc = {
  id: 'watchChanges',
  group: 'Many keys',
  summary: 'Watch what is written, deleted and expires',
  description:
    'Server-sent events: `put`, `delete` or `expire`, with the key and its version. Those of one key ' +
    'come in their order. A client that comes back with the id of its last event goes on there.',
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
    const encoding = oneOfTexts('key-encoding', parameters['key-encoding'], ['percent', 'base64url']);
    const prefix = Buffer.from(parameters.prefix ?? '', encoding === 'base64url' ? 'base64url' : 'utf8');
    if (prefix.length > keyBytesMax) {
      throw new KvError('parameter-invalid', `prefix has at most ${keyBytesMax} bytes, as a key has.`);
    }
    const reach = admission.reachOf(request, prefix);
    const asked = positionAsked(request.headers['last-event-id'], parameters['last-event-id']);
    if (streams.size >= streamsMax) {
      return sendProblem(reply, 'overloaded', `${streams.size} clients are watching here already.`);
    }
    const position = asked ?? (await positionNow(feed));
    const stream = new ChangeStream({ feed, watch, position, reach });
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
function positionAsked(header: string | string[] | undefined, parameter: string | undefined): FeedPosition | undefined {
  // A browser that comes back sends the header; the parameter is what it came with at first.
  const text = header === undefined || header === '' ? parameter : String(header);
  if (text === undefined) return undefined;
  const position = positionOfText(text);
  if (position !== undefined) return position;
  throw new KvError('parameter-invalid', 'Last-Event-ID is the id of an event that this service has sent.');
}

/**
 * Where all ledgers end. Shards of one epoch have let each other's slots go: no key's newer change is before its
 * shard's end while an older one is after another shard's.
 * @throws KvError
 */
async function positionNow(feed: FeedSource): Promise<FeedPosition> {
  const overdueAtMs = performance.now() + beginDeadlineMs;
  for (;;) {
    const lastShard = feed.lastShard();
    const shards = feed.shards();
    const pages = await Promise.all(shards.map((shard) => feed.page(shard, beginning, 0)));
    const epochs = new Set<number>();
    const places = new Map<number, { lsn: number; carried: number }>();
    for (const [index, page] of pages.entries()) {
      if (page.kind === 'failed') throw new KvError(page.code, page.detail);
      epochs.add(page.epoch);
      places.set(shards[index] as number, { lsn: page.lsn, carried: 0 });
    }
    if (epochs.size === 1) return { places, lastShard };
    if (performance.now() > overdueAtMs) {
      throw new KvError('shard-unavailable', 'The shards did not come to agree on who has which slots in time.');
    }
    await new Promise((resolve) => setTimeout(resolve, retryIntervalMs));
  }
}
