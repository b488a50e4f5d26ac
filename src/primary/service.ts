/**
 * A running service: takes the data directory, starts everything in order and stops it in reverse. It owns the
 * life cycle and reports; what children do is the supervisor's, what operators ask is the admin API's.
 */

import { type AdminApi, listenForOperators } from '../admin/admin-server.ts';
import type { ServiceAudit, ServiceStatus, SteeringOrder } from '../admin/contract.ts';
import { DataDirectory, sharedShard, UnusableDirectory } from '../config/data-directory.ts';
import { redisAddressOf, redisAddressText } from '../config/redis-address.ts';
import type { ServiceConfig, Strategy } from '../config/service-config.ts';
import { type ChangePlan, planOfRequest } from '../rebalance/change-plan.ts';
import { ChangeRefused } from '../rebalance/change-refused.ts';
import { Rebalancer } from '../rebalance/rebalancer.ts';
import type { ChangeRequest, TopologyChange } from '../rebalance/topology-change.ts';
import { FileLocked, UnusableFile } from '../sqlite/database.ts';
import { ShardFile } from '../sqlite/shard-file.ts';
import { defaultRestartPolicy } from '../supervision/child-state.ts';
import { Deferred } from '../supervision/deferred.ts';
import type { Log } from '../supervision/log.ts';
import type { ChildDeath, SupervisedChild } from '../supervision/supervised-child.ts';
import { Supervisor } from '../supervision/supervisor.ts';
import { Auditor } from './auditor.ts';
import { checkedPort, UnusableAddress } from './listen-address.ts';
import { statusOf } from './service-status.ts';
import {
  checkShards,
  checkWalkable,
  firstTopologyOf,
  type Origin,
  refuseUnlessPartitioned,
  strategyToServe,
} from './strategy.ts';
import { TopologyFile } from './topology-file.ts';

/** The service cannot run here as it was asked to; the message says why and what to do. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}

const notYetRead = 'Redis has not said yet what an acknowledgement is worth.';
/** How many changes `shardctl moves` shows. */
const changesShown = 20;

export class Service {
  readonly #config: ServiceConfig;
  readonly #directory: DataDirectory;
  readonly #topologyFile: TopologyFile;
  readonly #strategy: Strategy;
  readonly #supervisor: Supervisor;
  readonly #rebalancer: Rebalancer;
  readonly #auditor: Auditor;
  readonly #ready = new Deferred<ServiceStatus>();
  readonly #stopped = new Deferred<void>();
  readonly #startedAtMs = performance.now();
  #operators: AdminApi | undefined;
  /** What an acknowledgement is worth, in sentences; null where it means that the write is on disk. */
  #acknowledgement: string | null;
  #state: ServiceStatus['state'] = 'starting';

  /** Takes the data directory and its lock; nothing runs yet. @throws CannotStart */
  private constructor(config: ServiceConfig, log: Log) {
    this.#config = config;
    const { directory, topologyFile, strategy } = takeDirectory(config);
    this.#strategy = strategy;
    this.#directory = directory;
    this.#topologyFile = topologyFile;
    this.#acknowledgement = topologyFile.store === 'redis' ? notYetRead : null;
    const shardIds = [...topologyFile.weights().keys()];
    directory.removeStaleSockets();
    this.#supervisor = new Supervisor({
      config,
      strategy,
      directory,
      service: topologyFile.service,
      ring: () => topologyFile.ring,
      lastShard: () => topologyFile.nextShardId() - 1,
      shardIds,
      policy: { ...defaultRestartPolicy, healthyAfterMs: config.healthyAfterMs },
      listener: {
        onState: (child) => {
          logState(log, child);
          this.#settleReady();
          if (child.state === 'ready') this.#rebalancer.onReady();
        },
        onDeath: (child, death) => {
          logDeath(log, child, death);
          this.#rebalancer.onDeath(child);
          this.#auditor.onDeath(child);
        },
        onStoreReport: (child, { acknowledgement }) => {
          if (acknowledgement !== this.#acknowledgement) log.info({ child: child.spec.name }, acknowledgement);
          this.#acknowledgement = acknowledgement;
        },
        onFailures: (count) => this.#rebalancer.clients.failed(count),
        onAuditReport: (report) => this.#auditor.onReport(report),
        onMoveReport: (_child, report) => this.#rebalancer.onReport(report),
      },
    });
    this.#auditor = new Auditor(this.#supervisor, topologyFile);
    this.#rebalancer = new Rebalancer({ topologyFile, supervisor: this.#supervisor, directory, log });
  }

  /** @throws CannotStart, with the data directory let go */
  static async start(config: ServiceConfig, log: Log): Promise<Service> {
    // Files and sockets of this service are for its user alone.
    process.umask(0o077);
    const port = await checkedPort(config.host, config.port).catch((error: unknown) => {
      throw error instanceof UnusableAddress ? new CannotStart(error.message, { cause: error }) : error;
    });
    await checkRedis(config);
    const service = new Service({ ...config, port }, log);
    service.#operators = await listenForOperators(service.#directory.adminSocket, {
      status: () => service.status(),
      stop: () => service.stop(),
      restart: (name) => service.#restart(name),
      plan: (request) => service.#plan(request),
      change: (request) => service.#change(request),
      moves: () => service.#rebalancer.status(),
      verify: () => service.#verify(),
      changes: () => service.#topologyFile.changes(changesShown),
      steer: (order) => service.#steer(order),
    });
    service.#supervisor.start();
    service.#rebalancer.start();
    return service;
  }

  /** Resolves when every shard or clone serves or has failed, and somebody listens. @throws CannotStart */
  get ready(): Promise<ServiceStatus> {
    return this.#ready.promise;
  }

  /** Resolves when the service has stopped, whoever asked for it. */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  status(): ServiceStatus {
    return statusOf({
      supervisor: this.#supervisor,
      config: this.#config,
      strategy: this.#strategy,
      acknowledgement: this.#acknowledgement,
      directory: this.#directory,
      ring: this.#topologyFile.ring,
      state: this.#state,
      uptimeMs: performance.now() - this.#startedAtMs,
    });
  }

  get acknowledgement(): string | null {
    return this.#acknowledgement;
  }

  /** Drains in the reverse order of the start. Idempotent; `stopped` tells the end. */
  async stop(): Promise<void> {
    if (this.#state === 'draining') return;
    this.#state = 'draining';
    this.#rebalancer.stop();
    await this.#supervisor.stop();
    await this.#operators?.close();
    this.#topologyFile.close();
    this.#stopped.resolve();
  }

  #settleReady(): void {
    if (this.#state !== 'starting') return;
    const { frontends, shards } = this.#supervisor;
    if (frontends.every(({ state }) => state === 'failed')) {
      this.#ready.reject(new CannotStart(`No ${frontends[0]?.spec.role} stays alive: the log above says why.`));
    }
    const isSettled = (child: SupervisedChild) => child.state === 'ready' || child.state === 'failed';
    const holders = this.#strategy === 'partitioned' ? shards : frontends;
    if (!frontends.some(({ state }) => state === 'ready') || !holders.every(isSettled)) return;
    this.#state = 'ready';
    this.#ready.resolve(this.status());
  }

  async #verify(): Promise<ServiceAudit> {
    checkWalkable(this.#topologyFile.store);
    return this.#auditor.verify();
  }

  get #origin(): Origin {
    return { strategy: this.#strategy, store: this.#topologyFile.store };
  }

  #plan(request: ChangeRequest): ChangePlan {
    refuseUnlessPartitioned(this.#origin);
    return planOfRequest(request, this.#topologyFile, this.#supervisor);
  }

  #change(request: ChangeRequest): TopologyChange {
    const plan = this.#plan(request);
    if (request.epoch !== undefined && request.epoch !== plan.epoch) {
      throw new ChangeRefused(
        `The plan was made for epoch ${request.epoch}, but the ring is at epoch ${plan.epoch}: plan again.`,
      );
    }
    return this.#rebalancer.request(request);
  }

  #steer(order: SteeringOrder): boolean {
    refuseUnlessPartitioned(this.#origin);
    switch (order.kind) {
      case 'pause':
        this.#rebalancer.pause();
        return true;
      case 'resume':
        this.#rebalancer.resume();
        return true;
      case 'abort':
        return this.#rebalancer.abort('an operator aborted it');
      case 'throttle':
        this.#rebalancer.setThrottle(order.setting);
        return true;
    }
  }

  #restart(name: string): boolean {
    const child = this.#supervisor.children.find(({ spec }) => spec.name === name);
    child?.restart();
    return child !== undefined;
  }
}

/** @throws CannotStart when an operator has to mend it first */
async function checkRedis({ store }: ServiceConfig): Promise<void> {
  const address = redisAddressOf(store);
  if (address === undefined) return;
  // Loaded where it is needed: it takes longer than all of the primary's own.
  const { whyUnfit } = await import('../redis/redis-first-look.ts');
  const why = await whyUnfit(address);
  if (why !== undefined) throw new CannotStart(`Nothing can be kept in ${redisAddressText(address)}. ${why}`);
}

type TakenDirectory = {
  readonly directory: DataDirectory;
  readonly topologyFile: TopologyFile;
  readonly strategy: Strategy;
};

/** @throws CannotStart, with the directory let go */
function takeDirectory(config: ServiceConfig): TakenDirectory {
  let topologyFile: TopologyFile | undefined;
  try {
    const directory = new DataDirectory(config.data);
    topologyFile = new TopologyFile(directory.metaFile, firstTopologyOf(config));
    const strategy = strategyToServe(topologyFile, config);
    checkShards(strategy, topologyFile.weights().size, config);
    if (strategy !== 'partitioned' && topologyFile.store === 'sqlite') {
      // Before any clone: only one process can make a new file a database.
      new ShardFile(directory.sharedFile, { service: topologyFile.service, shard: sharedShard }).close();
    }
    topologyFile.adoptStrategy(strategy);
    return { directory, topologyFile, strategy };
  } catch (error) {
    topologyFile?.close();
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
