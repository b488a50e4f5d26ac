/**
 * The clone's entry: the REST app over a store that it shares with other clones. Any of them can serve any request. The
 * single strategy is one clone that has its file alone.
 */

import { AccessControl } from '../access/access-control.ts';
import { rateLimitOf } from '../access/rate-limiter.ts';
import { accessLogOf } from '../http/access-log.ts';
import { createApp } from '../http/app.ts';
import { edgeMeasures } from '../http/edge-measures.ts';
import { isServiceFailure } from '../http/error-status.ts';
import { allowedHostsOf } from '../http/host-guard.ts';
import { connectionsOf, renewCertificate } from '../http/http-server.ts';
import { RequestMeter } from '../http/request-meter.ts';
import { isWrite } from '../kv/operation.ts';
import type { OnSettled } from '../kv/store.ts';
import { amount } from '../metrics/measure.ts';
import { systemClock } from '../ports/clock.ts';
import { HealthSampler } from '../supervision/health.ts';
import type { WorkerJob } from '../supervision/inbox.ts';
import type { StartClone } from '../supervision/messages.ts';
import { runWorker, type WorkerSurroundings } from '../supervision/worker.ts';
import type { SharedStore } from './shared-store.ts';

await runWorker<StartClone>('start-clone', begin);

async function begin(start: StartClone, { log, tell, primary }: WorkerSurroundings): Promise<WorkerJob> {
  const access = new AccessControl();
  await access.adopt(start.accessRules);
  const health = new HealthSampler(systemClock);
  const onSettled: OnSettled = (operation, durationMs, outcome) => {
    health.record(isWrite(operation) ? 'write' : 'read', durationMs);
    if (isServiceFailure(outcome)) health.failed();
  };
  const openShared = async (): Promise<SharedStore> => {
    // Only what is used is loaded: the client of Redis alone takes some 60 ms.
    if (start.store.kind === 'sqlite') {
      const { SharedFile } = await import('./shared-file.ts');
      return new SharedFile(start.store, onSettled);
    }
    const { SharedRedis } = await import('./shared-redis.ts');
    return new SharedRedis(start.store.url, {
      onSettled,
      onAcknowledgement: (acknowledgement) => tell({ type: 'store-report', acknowledgement }),
      onTrouble: (message) => log.warn(`Redis: ${message}`),
    });
  };
  const shared = await openShared();
  const meter = start.metering === 'on' ? new RequestMeter() : undefined;
  const app = createApp({
    store: shared.store,
    meter,
    service: {
      // Nothing is partitioned: no slot has an owner, and any clone serves it.
      topology: () => ({ epoch: 0, ranges: [], shards: [] }),
      readiness: () => shared.readiness(),
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
      log.error({ err: error, requestId }, 'a request failed on a defect');
    },
  });
  // A single process listens by itself; the primary deals connections to clones.
  const isAlone = start.store.kind === 'sqlite' && start.store.access === 'exclusive';
  const { host, port, listenFd } = start;
  await app.listen({ host, port, exclusive: isAlone, ...(listenFd !== null && { fd: listenFd }) });

  return {
    health: () => health.sample({ stored: shared.counters(), connections: connectionsOf(app.server) }),
    measures: () => [
      ...health.measures(),
      ...edgeMeasures(app, meter),
      ...shared.measures(),
      amount('shardlite_held_requests', shared.held()),
    ],
    audit: (id) => shared.audit((report) => tell({ type: 'audit-report', id, ...report, faults: [...report.faults] })),
    onAccess: ({ rules, certificate }) => {
      void access.adopt(rules);
      if (certificate !== null) renewCertificate(app.server, certificate);
    },
    // One file has no other to be of the same moment with: nobody has to wait.
    onSnapshot: ({ id, step }) => {
      if (step === 'pin') shared.pin((pinned) => tell({ type: 'snapshot-pinned', id, ...pinned }));
      if (step === 'end') shared.unpin();
    },
    retire: () => app.retirement.begin(),
    drain: async () => {
      if (listenFd !== null) await app.retirement.beforeClose();
      await app.close();
      await shared.stop();
    },
  };
}
