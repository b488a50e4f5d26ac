/**
 * The router's entry: the REST app over shards, one of several clones on one port. It holds no state that a
 * restart could lose.
 */

import { AccessControl } from '../access/access-control.ts';
import { rateLimitOf } from '../access/rate-limiter.ts';
import { defaultHoldLimits } from '../holding/hold-queue.ts';
import { accessLogOf } from '../http/access-log.ts';
import { createApp } from '../http/app.ts';
import { edgeMeasures } from '../http/edge-measures.ts';
import { isServiceFailure } from '../http/error-status.ts';
import { allowedHostsOf } from '../http/host-guard.ts';
import { connectionsOf, renewCertificate } from '../http/http-server.ts';
import { RequestMeter } from '../http/request-meter.ts';
import type { Readiness, TopologyView } from '../http/routes/service-routes.ts';
import { isWrite } from '../kv/operation.ts';
import { amount } from '../metrics/measure.ts';
import { ringOf } from '../partition/ring.ts';
import { systemClock } from '../ports/clock.ts';
import { unixSockets } from '../ports/sockets.ts';
import { PartitionedStore } from '../routing/partitioned-store.ts';
import { HealthSampler } from '../supervision/health.ts';
import type { WorkerJob } from '../supervision/inbox.ts';
import type { StartRouter, Topology } from '../supervision/messages.ts';
import { runWorker, type WorkerSurroundings } from '../supervision/worker.ts';
import { dispatcherOf } from './dispatcher-of.ts';
import { FailureReports } from './failure-reports.ts';
import { filesIn } from './shard-files.ts';

await runWorker<StartRouter>('start-router', begin);

async function begin(start: StartRouter, { log, tell, primary }: WorkerSurroundings): Promise<WorkerJob> {
  const access = new AccessControl();
  await access.adopt(start.accessRules);
  const health = new HealthSampler(systemClock);
  const failures = new FailureReports((count) => tell({ type: 'failures', count }));
  const fileOf = start.directReads === null ? undefined : await filesIn(start.directReads, log);
  const dispatcher = dispatcherOf(start, {
    clock: systemClock,
    sockets: unixSockets,
    fileOf,
    onWireError: (error) => log.error(error, 'a shard broke the wire protocol'),
  });
  const store = new PartitionedStore(dispatcher, {
    clock: systemClock,
    holdDeadlineMs: defaultHoldLimits.deadlineMs,
    onSettled: (operation, durationMs, outcome) => {
      health.record(isWrite(operation) ? 'write' : 'read', durationMs);
      if (!isServiceFailure(outcome)) return;
      health.failed();
      failures.failed();
    },
  });
  let topology = start.topology;
  const adopt = (next: Topology) => {
    topology = next;
    store.adopt(ringOf(next, next.slots), next.shards, next.lastShard);
  };
  adopt(start.topology);

  const meter = start.metering === 'on' ? new RequestMeter() : undefined;
  const app = createApp({
    store,
    meter,
    service: {
      topology: () => viewOf(topology),
      readiness: () => readinessOf(store),
      isPrimarySilent: () => primary.isSilent,
    },
    valueBytesMax: start.valueBytesMax,
    bodyMemoryBytesMax: start.bodyMemoryBytesMax,
    allowedHosts: allowedHostsOf(start.host, start.allowedHosts),
    allowedOrigins: start.allowedOrigins,
    access,
    certificate: start.certificate ?? undefined,
    rateLimit: start.rateLimit === null ? undefined : rateLimitOf(start.rateLimit),
    accessLog: accessLogOf(start.accessLog, log),
    onDefect: (error, requestId) => {
      health.failed();
      failures.failed();
      log.error({ err: error, requestId }, 'a request failed on a defect');
    },
  });
  await app.listen({ host: start.host, port: start.port, ...(start.listenFd !== null && { fd: start.listenFd }) });

  return {
    health: () => health.sample({ connections: connectionsOf(app.server) }),
    measures: () => [...health.measures(), ...edgeMeasures(app, meter), amount('shardlite_held_requests', store.held)],
    adopt,
    onAccess: ({ rules, certificate }) => {
      void access.adopt(rules);
      if (certificate !== null) renewCertificate(app.server, certificate);
    },
    retire: () => app.retirement.begin(),
    drain: async () => {
      if (start.listenFd !== null) await app.retirement.beforeClose();
      await app.close();
      await store.stop();
    },
  };
}

function viewOf({ epoch, ranges, shards }: Topology): TopologyView {
  const slots = (shard: number) =>
    ranges.reduce((sum, [first, last, owner]) => (owner === shard ? sum + last - first + 1 : sum), 0);
  return { epoch, ranges, shards: shards.map(({ id, state }) => ({ id, state, slots: slots(id) })) };
}

/** A shard that is away for a moment does not make a router unready: its requests wait. */
function readinessOf(store: PartitionedStore): Readiness {
  const { serving, silent, failed, away } = store.standing();
  if (serving.length > 0) return { ready: true, failedShards: failed, silentShards: silent };
  const counts = `${away.length} on the way, ${silent.length} silent, ${failed.length} failed`;
  return { ready: false, why: `No shard is serving: ${counts}.` };
}
