/** Server-Timing (W3C): where the time of a request went, for those who ask with `?timing` or `Prefer: server-timing`. */

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Timing } from '../../kv/store.ts';
import { prefers } from './preference.ts';

/** Undefined when the client did not ask for it. */
export function timingWanted(request: FastifyRequest, parameter: string | undefined): Timing | undefined {
  return parameter !== undefined || prefers(request, 'server-timing') ? { beganAtMs: performance.now() } : undefined;
}

/** `route` is all that happened outside of the two others. */
export function sendTiming(reply: FastifyReply, timing: Timing | undefined): void {
  if (timing === undefined) return;
  const { beganAtMs, executor, sqliteMs, wireMs } = timing;
  const routeMs = performance.now() - beganAtMs - (sqliteMs ?? 0) - (wireMs ?? 0);
  const parts = [`route;dur=${routeMs.toFixed(3)}`];
  if (wireMs !== undefined) parts.push(`wire;dur=${wireMs.toFixed(3)}`);
  if (sqliteMs !== undefined) parts.push(`sqlite;dur=${sqliteMs.toFixed(3)}`);
  if (executor !== undefined) parts.push(`shard;desc="${executor}"`);
  reply.header('server-timing', parts.join(', '));
}
