/** What the edge of one process holds right now, and what its meter has counted. */

import type { FastifyInstance } from 'fastify';
import { amount, type Measure } from '../metrics/measure.ts';
import { connectionsOf } from './http-server.ts';
import type { RequestMeter } from './request-meter.ts';

export function edgeMeasures(app: FastifyInstance, meter: RequestMeter | undefined): readonly Measure[] {
  return [
    amount('shardlite_http_connections', connectionsOf(app.server)),
    amount('shardlite_http_watchers', app.watchers()),
    amount('shardlite_http_body_bytes', app.bodyBudget.takenBytes),
    ...(meter?.measures() ?? []),
  ];
}
