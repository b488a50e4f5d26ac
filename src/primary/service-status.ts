/** What the service says of itself to operators, as one plain object. */

import { isInTrouble, type ProcessStatus, type ServiceStatus } from '../admin/contract.ts';
import type { DataDirectory } from '../config/data-directory.ts';
import { redisAddressOf, redisAddressText } from '../config/redis-address.ts';
import type { ServiceConfig, Strategy } from '../config/service-config.ts';
import type { Ring } from '../partition/ring.ts';
import type { RebalanceStatus } from '../rebalance/rebalancer.ts';
import { logLinesLost } from '../supervision/log.ts';
import type { Health } from '../supervision/messages.ts';
import type { SupervisedChild } from '../supervision/supervised-child.ts';
import type { Supervisor } from '../supervision/supervisor.ts';
import { deathText } from './child-log.ts';
import { refusalOf } from './refusal.ts';

/** Of the service as a whole. */
export type LifeState = 'starting' | 'ready' | 'draining';

export type StatusSources = {
  readonly supervisor: Supervisor;
  readonly config: ServiceConfig;
  readonly certificate: string | null;
  readonly version: string;
  readonly adminUrl: string | null;
  /** Of this process. */
  readonly health: Health;
  readonly service: string;
  readonly strategy: Strategy;
  readonly acknowledgement: string | null;
  readonly directory: DataDirectory;
  readonly ring: Ring;
  readonly moves: RebalanceStatus;
  readonly state: LifeState;
  readonly uptimeMs: number;
};

export function statusOf(sources: StatusSources): ServiceStatus {
  const { supervisor, config, certificate, version, adminUrl, service, strategy } = sources;
  const { acknowledgement, directory, ring, moves, state, uptimeMs } = sources;
  const primary: ProcessStatus = {
    ...unknown,
    id: 'primary',
    role: 'primary',
    state,
    pid: process.pid,
    restarts: 0,
    uptimeMs,
    cpuPercent: sources.health.cpuPercent,
    memoryBytes: sources.health.memoryBytes,
    eventLoopDelayMs: sources.health.eventLoopDelayMs,
    eventLoopUtilization: sources.health.eventLoopUtilization,
  };
  const processes = [primary, ...supervisor.children.map((child) => processStatusOf(child, ring, directory))];
  return {
    state: state === 'ready' && processes.some(isInTrouble) ? 'degraded' : state,
    service,
    version,
    adminUrl,
    url: urlOf(config, certificate === null ? 'http' : 'https'),
    certificate,
    strategy,
    data: directory.path,
    store: strategy === 'partitioned' ? null : storeText(config, directory),
    acknowledgement,
    stored: storedIn(strategy, supervisor),
    sharedFile:
      strategy === 'partitioned' || config.store !== 'sqlite' ? null : directory.sizesOf(directory.sharedFile),
    diskFreeBytes: directory.freeBytes(),
    uptimeMs,
    logLinesLost: logLinesLost(),
    ring: ring.describe(),
    moves,
    processes,
  };
}

const unknown = {
  cpuPercent: null,
  memoryBytes: null,
  eventLoopDelayMs: null,
  eventLoopUtilization: null,
  connections: null,
  slots: null,
  keys: null,
  bytes: null,
  fileBytes: null,
  walBytes: null,
  operationsPerS: null,
  p99Ms: null,
  reads: null,
  writes: null,
  failuresPerS: null,
  lastDeath: null,
  refusal: null,
} as const;

function processStatusOf(child: SupervisedChild, ring: Ring, directory: DataDirectory): ProcessStatus {
  const { name, role, shard } = child.spec;
  const { lastDeath } = child;
  return {
    id: name,
    role,
    state: child.state,
    pid: child.pid ?? null,
    restarts: child.restarts,
    uptimeMs: child.uptimeMs ?? null,
    ...unknown,
    ...(child.health && figuresOf(child.health)),
    ...(shard === null
      ? { keys: null, bytes: null }
      : { slots: ring.slotsOf(shard).length, ...directory.sizesOf(directory.shardFile(shard)) }),
    lastDeath: lastDeath === undefined ? null : { reason: deathText(lastDeath), atMs: lastDeath.atMs },
    refusal: refusalOf(child, ring) ?? null,
  };
}

function figuresOf({ type: _, intervalP99Ms: __, lsn: ___, ...figures }: Health) {
  return figures;
}

/** Each shard counts its own keys. Each clone counts all that they share, at another moment than the others. */
function storedIn(strategy: Strategy, { shards, frontends }: Supervisor): ServiceStatus['stored'] {
  const counters = strategy === 'partitioned' ? shards : frontends;
  const counts = counters.flatMap(({ health }) =>
    health === undefined || health.keys === null || health.bytes === null
      ? []
      : [{ keys: health.keys, bytes: health.bytes }],
  );
  if (strategy !== 'partitioned') return counts[0] ?? null;
  if (counts.length < counters.length) return null;
  return counts.reduce((sum, one) => ({ keys: sum.keys + one.keys, bytes: sum.bytes + one.bytes }), nothing);
}

const nothing = { keys: 0, bytes: 0 };

function storeText({ store }: ServiceConfig, directory: DataDirectory): string {
  const address = redisAddressOf(store);
  return address === undefined ? directory.sharedFile : redisAddressText(address);
}

/** Where a program on this machine reaches the REST API. */
function urlOf({ host, port }: ServiceConfig, scheme: 'http' | 'https'): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `${scheme}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
