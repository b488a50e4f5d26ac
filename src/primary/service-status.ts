/** What the service says of itself to operators, as one plain object. */

import { isInTrouble, type ProcessStatus, type ServiceStatus } from '../admin/contract.ts';
import type { DataDirectory } from '../config/data-directory.ts';
import { redisAddressOf, redisAddressText } from '../config/redis-address.ts';
import type { ServiceConfig, Strategy } from '../config/service-config.ts';
import type { Ring } from '../partition/ring.ts';
import type { RebalanceStatus } from '../rebalance/rebalancer.ts';
import { MemoryGauge } from '../supervision/health.ts';
import { logLinesLost } from '../supervision/log.ts';
import type { SupervisedChild } from '../supervision/supervised-child.ts';
import type { Supervisor } from '../supervision/supervisor.ts';
import { refusalOf } from './refusal.ts';

/** Of the service as a whole. */
export type LifeState = 'starting' | 'ready' | 'draining';

export type StatusSources = {
  readonly supervisor: Supervisor;
  readonly config: ServiceConfig;
  readonly certificate: string | null;
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
  const {
    supervisor,
    config,
    certificate,
    service,
    strategy,
    acknowledgement,
    directory,
    ring,
    moves,
    state,
    uptimeMs,
  } = sources;
  const primary: ProcessStatus = {
    ...unknown,
    id: 'primary',
    role: 'primary',
    state,
    pid: process.pid,
    restarts: 0,
    uptimeMs,
    memoryBytes: memory.bytes(),
  };
  const processes = [primary, ...supervisor.children.map((child) => processStatusOf(child, ring))];
  return {
    state: state === 'ready' && processes.some(isInTrouble) ? 'degraded' : state,
    service,
    url: urlOf(config, certificate === null ? 'http' : 'https'),
    certificate,
    strategy,
    data: directory.path,
    store: strategy === 'partitioned' ? null : storeText(config, directory),
    acknowledgement,
    stored: storedIn(strategy, supervisor),
    uptimeMs,
    logLinesLost: logLinesLost(),
    ring: ring.describe(),
    moves,
    processes,
  };
}

const memory = new MemoryGauge();

const unknown = {
  cpuPercent: null,
  memoryBytes: null,
  slots: null,
  keys: null,
  bytes: null,
  operationsPerS: null,
  p99Ms: null,
  refusal: null,
} as const;

function processStatusOf(child: SupervisedChild, ring: Ring): ProcessStatus {
  const { cpuPercent, memoryBytes, keys, bytes, operationsPerS, p99Ms } = child.health ?? unknown;
  return {
    id: child.spec.name,
    role: child.spec.role,
    state: child.state,
    pid: child.pid ?? null,
    restarts: child.restarts,
    uptimeMs: child.uptimeMs ?? null,
    cpuPercent,
    memoryBytes,
    operationsPerS,
    p99Ms,
    ...(child.spec.shard === null
      ? { slots: null, keys: null, bytes: null }
      : { slots: ring.slotsOf(child.spec.shard).length, keys, bytes }),
    refusal: refusalOf(child, ring) ?? null,
  };
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
