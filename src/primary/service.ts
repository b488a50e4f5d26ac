/**
 * A running service: takes the data directory, starts everything in order and stops it in reverse. It owns the
 * life cycle and reports; what children do is the supervisor's, what operators ask is the admin API's.
 */

import { defaultShards, type ServiceConfig } from '../config/service-config.ts';
import { defaultRestartPolicy } from '../process/child-state.ts';
import type { Log } from '../process/log.ts';
import { FileLocked, UnusableFile } from '../sqlite/database.ts';
import { listenForOperators } from './admin-api.ts';
import { DataDirectory, UnusableDirectory } from './data-directory.ts';
import { type ServiceStatus, statusOf } from './status.ts';
import type { ChildDeath, SupervisedChild } from './supervised-child.ts';
import { Supervisor } from './supervisor.ts';
import { TopologyFile } from './topology-file.ts';

/** The service cannot run here as it was asked to; the message says why and what to do. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}

export type RunningService = {
  /** Resolves when every shard serves or has failed and a router listens. @throws CannotStart */
  readonly ready: Promise<ServiceStatus>;
  readonly stop: () => Promise<void>;
  /** Resolves when the service has stopped, whoever asked for it. */
  readonly stopped: Promise<void>;
};

/** @throws CannotStart */
export async function startService(config: ServiceConfig, log: Log): Promise<RunningService> {
  // Files and sockets of this service are for its user alone.
  process.umask(0o077);
  const { directory, topologyFile } = takeDirectory(config);
  directory.removeStaleSockets();
  const { service, ring } = topologyFile;
  const shardIds = topologyFile.shardIds();
  if (config.shards !== undefined && config.shards !== shardIds.length) {
    topologyFile.close();
    throw new CannotStart(
      `${directory.path} has ${shardIds.length} shards, not ${config.shards}: start without --shards, or on another --data directory.`,
    );
  }

  const startedAtMs = performance.now();
  const life = { state: 'starting' as ServiceStatus['state'] };
  let settleReady: (outcome: { status: ServiceStatus } | { error: CannotStart }) => void = () => {};
  const ready = new Promise<ServiceStatus>((resolve, reject) => {
    settleReady = (outcome) => ('status' in outcome ? resolve(outcome.status) : reject(outcome.error));
  });

  const supervisor = new Supervisor({
    config,
    directory,
    service,
    ring,
    shardIds,
    policy: defaultRestartPolicy,
    listener: {
      onState: (child) => {
        logState(log, child);
        becomeReadyOnce();
      },
      onDeath: (child, death) => logDeath(log, child, death),
      onReady: () => {},
      onFatal: (_child, message) => {
        settleReady({ error: new CannotStart(message) });
        log.fatal(message);
      },
    },
  });
  const status = () =>
    statusOf({ supervisor, config, directory, ring, state: life.state, uptimeMs: performance.now() - startedAtMs });

  function becomeReadyOnce(): void {
    const isSettled = (child: SupervisedChild) => child.state === 'ready' || child.state === 'failed';
    const routerListens = supervisor.routers.some(({ state }) => state === 'ready');
    if (life.state !== 'starting' || !routerListens || !supervisor.shards.every(isSettled)) return;
    life.state = 'ready';
    settleReady({ status: status() });
  }

  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      life.state = 'draining';
      await supervisor.stop();
      await operators.close();
      topologyFile.close();
    })();
    return stopping;
  };
  let resolveStopped: () => void = () => {};
  const stopped = new Promise<void>((resolve) => {
    resolveStopped = resolve;
  });
  const stopOnce = () => stop().then(resolveStopped);

  const operators = await listenForOperators(directory.adminSocket, {
    status,
    stop: stopOnce,
    restart: (name) => {
      const child = supervisor.children.find(({ spec }) => spec.name === name);
      child?.restart();
      return child !== undefined;
    },
  });
  supervisor.start();
  return { ready, stop: stopOnce, stopped };
}

function takeDirectory(config: ServiceConfig): { directory: DataDirectory; topologyFile: TopologyFile } {
  try {
    const directory = new DataDirectory(config.data);
    return { directory, topologyFile: new TopologyFile(directory.metaFile, config.shards ?? defaultShards()) };
  } catch (error) {
    if (error instanceof FileLocked) {
      throw new CannotStart(
        `A Shardlite is already running on the data directory ${config.data}: look at it with \`shardctl status --data ${config.data}\`, or choose another --data.`,
        { cause: error },
      );
    }
    if (error instanceof UnusableFile || error instanceof UnusableDirectory)
      throw new CannotStart(error.message, { cause: error });
    throw error;
  }
}

function logState(log: Log, child: SupervisedChild): void {
  const { name } = child.spec;
  const facts = { child: name, pid: child.pid, state: child.state, restarts: child.restarts };
  if (child.state === 'failed') {
    log.error(facts, `${name} keeps dying and was given up; when its cause is mended: shardctl restart ${name}`);
  } else if (child.state === 'ready' && child.restarts > 0) {
    log.info(facts, `${name} serves again, ${Math.round(child.uptimeMs ?? 0)} ms after its fork`);
  } else {
    log.debug(facts, `${name} is ${child.state}`);
  }
}

function logDeath(log: Log, child: SupervisedChild, { code, signal }: ChildDeath): void {
  const { name } = child.spec;
  log.warn({ child: name, code, signal }, `${name} died (${signal ?? `exit code ${code}`})`);
}
