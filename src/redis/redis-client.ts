/**
 * How ioredis is set up: one client of a server, one of a Cluster, and one that only looks what there is. Whatever was
 * under way when a connection broke is sent again by whoever asked, who knows whether it still matters; never by ioredis.
 */

import { Cluster, Redis } from 'ioredis';
import type { RedisAddress } from '../config/redis-address.ts';

export type RedisClient = Redis | Cluster;

export type RedisNode = RedisAddress['nodes'][number];

const connectTimeoutMs = 2_000;
/** A server that says nothing for this long while it is asked something hangs, or is gone without a word. */
const silenceMaxMs = 5_000;
const reconnectDelayMaxMs = 500;
/** After a fail-over the new owner of a slot is known this soon at the latest. */
const slotsRefreshIntervalMs = 1_000;
/**
 * How far ioredis follows a Cluster that moves slots: within 300 ms whoever asked is told, and asks again while it
 * still matters.
 */
const redirectionsMax = 5;
const redirectedRetryMs = 50;

export function serverClient(address: RedisAddress, node: RedisNode): Redis {
  return new Redis({ ...optionsOf(address), ...node, enableOfflineQueue: false, retryStrategy: reconnectDelayMs });
}

export function clusterClient(address: RedisAddress): Cluster {
  return new Cluster([...address.nodes], {
    redisOptions: optionsOf(address),
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    clusterRetryStrategy: reconnectDelayMs,
    maxRedirections: redirectionsMax,
    retryDelayOnTryAgain: redirectedRetryMs,
    retryDelayOnClusterDown: redirectedRetryMs,
    retryDelayOnFailover: 0,
    slotsRefreshInterval: slotsRefreshIntervalMs,
  });
}

/** @throws what the server, or the way to it, has against being asked */
export async function kindOf(address: RedisAddress, node: RedisNode): Promise<'server' | 'cluster'> {
  const probe = new Redis({ ...optionsOf(address), ...node, lazyConnect: true, retryStrategy: () => null });
  // A refused password is told in an event alone; what `connect` throws then is that the connection was closed.
  let told: Error | undefined;
  probe.on('error', (error: Error) => {
    told ??= error;
  });
  try {
    await probe.connect();
    return /^cluster_enabled:1/m.test(await probe.info('cluster')) ? 'cluster' : 'server';
  } catch (error) {
    throw told ?? error;
  } finally {
    probe.disconnect();
  }
}

function optionsOf({ username, password }: RedisAddress) {
  return {
    ...(username === null ? {} : { username }),
    ...(password === null ? {} : { password }),
    connectTimeout: connectTimeoutMs,
    socketTimeout: silenceMaxMs,
    autoResendUnfulfilledCommands: false,
    // Otherwise nobody is told of what was under way.
    maxRetriesPerRequest: 0,
    enableAutoPipelining: true,
  };
}

function reconnectDelayMs(times: number): number {
  return Math.min(reconnectDelayMaxMs, 50 * times);
}
