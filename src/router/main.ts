/**
 * The router's entry: the REST app over shards, one of several clones on one port. It holds no state that a
 * restart could lose.
 */

import { createApp } from '../http/app.ts';
import { isServiceFailure } from '../http/error-status.ts';
import { allowedHostsOf } from '../http/host-guard.ts';
import type { Readiness, TopologyView } from '../http/routes/service-routes.ts';
import { ringOf } from '../partition/ring.ts';
import { PartitionedStore } from '../routing/partitioned-store.ts';
import { HealthSampler } from '../supervision/health.ts';
import type { Log } from '../supervision/log.ts';
import type { MessageToPrimary, StartRouter, Topology } from '../supervision/messages.ts';
import { runWorker, type WorkerJob } from '../supervision/worker.ts';
import type { Answer } from '../wire/answer-frame.ts';
import { frameBytesMaxOf } from '../wire/request-frame.ts';
import { FailureReports } from './failure-reports.ts';
import { linkLimits } from './link-limits.ts';

await runWorker<StartRouter>('start-router', begin);

async function begin(start: StartRouter, log: Log, tell: (message: MessageToPrimary) => void): Promise<WorkerJob> {
  const health = new HealthSampler();
  const failures = new FailureReports((count) => tell({ type: 'failures', count }));
  const store = new PartitionedStore(
    ringOf(start.topology),
    { ...linkLimits, frameBytesMax: frameBytesMaxOf(start.valueBytesMax) },
    {
      onSettled: (durationMs, answer) => {
        health.record(durationMs);
        if (isFailure(answer)) failures.failed();
      },
      onWireError: (error) => log.error(error, 'a shard broke the wire protocol'),
    },
  );
  let topology = start.topology;
  const adopt = (next: Topology) => {
    topology = next;
    store.adopt(ringOf(next), next.shards, next.lastShard);
  };
  adopt(start.topology);

  const app = createApp({
    store,
    service: { topology: () => viewOf(topology), readiness: () => readinessOf(store) },
    valueBytesMax: start.valueBytesMax,
    allowedHosts: allowedHostsOf(start.host, start.allowedHosts),
    onDefect: (error) => {
      failures.failed();
      log.error(error, 'a request failed on a defect');
    },
  });
  await app.listen({ host: start.host, port: start.port });

  return {
    health: () => health.sample(undefined),
    adopt,
    drain: async () => {
      await app.close();
      await store.stop();
    },
  };
}

/** Of the service, not of the request. */
function isFailure(answer: Answer): boolean {
  if (answer.kind === 'batch') return answer.outcomes.some(isFailure);
  return answer.kind === 'failed' && isServiceFailure(answer.code);
}

function viewOf({ epoch, ranges, shards }: Topology): TopologyView {
  const slots = (shard: number) =>
    ranges.reduce((sum, [first, last, owner]) => (owner === shard ? sum + last - first + 1 : sum), 0);
  return { epoch, ranges, shards: shards.map(({ id, state }) => ({ id, state, slots: slots(id) })) };
}

/** A shard that is away for a moment does not make a router unready: its requests wait. */
function readinessOf(store: PartitionedStore): Readiness {
  const { serving, failed, away } = store.standing();
  if (serving.length > 0) return { ready: true, failedShards: failed };
  return { ready: false, why: `No shard is serving: ${away.length} on the way, ${failed.length} failed.` };
}
