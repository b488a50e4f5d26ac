/**
 * A running service: takes the data directory, starts everything in order and stops it in reverse. It owns the
 * life cycle and answers operators; what children do is the supervisor's, what moves the rebalancer's.
 */

import { basename, join } from 'node:path';
import { type AdminPort, type ObservedService, serveAdminPort } from '../admin/admin-port.ts';
import { type AdminApi, listenForOperators } from '../admin/admin-server.ts';
import type { ProfileRequest, ReloadReport, ServiceAudit, ServiceStatus, SettingView } from '../admin/contract.ts';
import { type DataDirectory, sharedShard } from '../config/data-directory.ts';
import { logSettingsOf } from '../config/log-settings.ts';
import type { SettingOrigin } from '../config/read-config.ts';
import { routersOf, type ServiceConfig, type Strategy } from '../config/service-config.ts';
import { versionOfPackage } from '../config/version.ts';
import { labelled, type Measure } from '../metrics/measure.ts';
import { every, systemClock, type Timer } from '../ports/clock.ts';
import { ChangeRefused } from '../rebalance/change-refused.ts';
import type { Rebalancer } from '../rebalance/rebalancer.ts';
import { ReserveFile } from '../sqlite/disk-reserve.ts';
import { defaultRestartPolicy } from '../supervision/child-state.ts';
import { Deferred } from '../supervision/deferred.ts';
import { HealthSampler, healthIntervalMs } from '../supervision/health.ts';
import { type ProcessLog, reopenLog } from '../supervision/log.ts';
import type { Health } from '../supervision/messages.ts';
import { processMeasures } from '../supervision/process-measures.ts';
import type { SupervisedChild } from '../supervision/supervised-child.ts';
import type { Supervisor, SupervisorListener } from '../supervision/supervisor.ts';
import type { AccessBook } from './access-book.ts';
import { Auditor } from './auditor.ts';
import { childLog } from './child-log.ts';
import { forksOf } from './forks.ts';
import { MemoryKeeper } from './memory-keeper.ts';
import { Meter } from './meter.ts';
import { Profiler } from './profiler.ts';
import { Reload } from './reload.ts';
import { ReserveKeeper } from './reserve-keeper.ts';
import { rosterOf } from './roster.ts';
import { serviceMeasures } from './service-measures.ts';
import { type LifeState, statusOf } from './service-status.ts';
import { ServingWatch } from './serving-watch.ts';
import { SettingsInForce } from './settings-in-force.ts';
import { ShardCluster } from './shard-cluster.ts';
import { Snapshots } from './snapshots.ts';
import {
  accessOf,
  CannotStart,
  checkRedis,
  handedOverSocket,
  makeLogDirectory,
  refuseIfServed,
  taken,
  takePorts,
  warnOfFewFiles,
} from './start-conditions.ts';
import { checkWalkable } from './strategy.ts';
import type { TopologyFile } from './topology-file.ts';
import { TopologyOrders } from './topology-orders.ts';

/** Somebody asked for it, or nothing could serve any more. */
export type ServiceEnd = 'asked' | 'hopeless';

const notYetRead = 'The settings of Redis are not known yet.';

type Sources = {
  readonly access: AccessBook;
  /** Reads all settings anew. @throws ConfigError */
  readonly origins: () => readonly SettingOrigin[];
  /** Of a listening socket that this process was handed over. */
  readonly inheritedFd: number | undefined;
};

export class Service implements ObservedService {
  readonly topology: TopologyOrders;
  readonly snapshots: Snapshots;
  readonly access: AccessBook;
  readonly #log: ProcessLog;
  readonly #settings: SettingsInForce;
  readonly #directory: DataDirectory;
  readonly #topologyFile: TopologyFile;
  readonly #strategy: Strategy;
  readonly #cluster: ShardCluster;
  readonly #auditor: Auditor;
  readonly #reserveKeeper: ReserveKeeper;
  readonly #meter: Meter;
  readonly #profiler: Profiler;
  readonly #health = new HealthSampler(systemClock);
  readonly #version = versionOfPackage();
  readonly #ready = new Deferred<ServiceStatus>();
  readonly #stopped = new Deferred<ServiceEnd>();
  readonly #servingWatch: ServingWatch;
  readonly #reload: Reload;
  readonly #memoryKeeper: MemoryKeeper;
  readonly #startedAtMs = performance.now();
  readonly #ticks: Timer;
  #healthNow: Health = this.#health.sample();
  #operators: AdminApi | undefined;
  #adminPort: AdminPort | undefined;
  /** What an acknowledgement is worth, in sentences; null where it means that the write is on disk. */
  #acknowledgement: string | null;
  #state: LifeState = 'starting';

  /** Takes the data directory and its lock; nothing runs yet. @throws CannotStart */
  private constructor(config: ServiceConfig, { access, origins, inheritedFd }: Sources, log: ProcessLog) {
    this.#settings = new SettingsInForce(config, origins);
    this.access = access;
    this.#log = log;
    const { directory, topologyFile, strategy, time } = taken(config, log);
    this.#strategy = strategy;
    this.#directory = directory;
    this.#topologyFile = topologyFile;
    this.#acknowledgement = topologyFile.store === 'redis' ? notYetRead : null;
    directory.removeStaleSockets();
    directory.linkLogs(logSettingsOf(config).files?.directory);
    this.#cluster = new ShardCluster({
      roster: rosterOf({
        config: () => this.#settings.config,
        strategy,
        directory,
        service: topologyFile.service,
        files: topologyFile.files,
        time,
        access: () => access.announcement,
        inheritedFd,
        forks: forksOf({ config: () => this.#settings.config, strategy, inheritedFd }),
      }),
      record: topologyFile,
      shardIds: strategy === 'partitioned' ? [...topologyFile.weights().keys()] : [],
      policy: { ...defaultRestartPolicy, healthyAfterMs: config.healthyAfterMs, failedRetryMs: config.failedRetryMs },
      listeners: [childLog(log, () => topologyFile.ring), this.#listener(log)],
      removeFile: (shard) => directory.removeShardFile(shard),
      clock: systemClock,
      log,
      random: Math.random,
    });
    access.onChange = () => this.#supervisor.announceAccess(access.announcement);
    this.topology = new TopologyOrders(this.#cluster, topologyFile, { strategy, store: topologyFile.store });
    this.#auditor = new Auditor(this.#supervisor, topologyFile);
    this.snapshots = new Snapshots({
      clock: systemClock,
      rebalancer: this.#rebalancer,
      holders: () => {
        checkWalkable(topologyFile.store);
        return this.#supervisor.fileHolders.map((child) => {
          const shard = child.spec.shard ?? sharedShard;
          return { child, shard, path: directory.shardFile(shard) };
        });
      },
      copyTopology: (target, files) => {
        for (const { shard, lsn } of files) topologyFile.files.acknowledge(shard, lsn);
        topologyFile.copyTo(join(target, basename(directory.metaFile)));
      },
    });
    this.#meter = new Meter(this.#supervisor, systemClock);
    this.#profiler = new Profiler(this.#supervisor);
    this.#ticks = every(systemClock, healthIntervalMs, () => {
      this.#healthNow = this.#health.sample();
      // A leap is believed by who has seen it for long.
      time.now();
    });
    this.#reload = new Reload({ supervisor: this.#supervisor, settings: this.#settings, access, log });
    this.#memoryKeeper = new MemoryKeeper({
      clock: systemClock,
      log,
      children: () => this.#supervisor.children,
      bytesMax: () => this.#settings.config.memoryMax,
      mayReload: () => this.#state === 'ready' && !this.#reload.isUnderWay,
      reload: (name) => void this.#reload.replace(name),
    });
    this.#servingWatch = new ServingWatch({
      clock: systemClock,
      exitAfterMs: config.failedExitMs,
      groups: () => [this.#supervisor.frontends, this.#supervisor.shards],
      onHopeless: () => {
        log.fatal('no process has been able to serve for too long: the service ends');
        void this.stop('hopeless');
      },
    });
    // What Redis holds lies on other disks.
    const bytes = topologyFile.store === 'sqlite' ? config.reserveBytes : 0;
    this.#reserveKeeper = new ReserveKeeper({
      reserve: ReserveFile.beside(directory.metaFile),
      bytes,
      clock: systemClock,
      log,
    });
  }

  /**
   * @param origins reads all settings anew; @throws ConfigError
   * @throws CannotStart, with the data directory let go
   */
  static async start(
    config: ServiceConfig,
    origins: () => readonly SettingOrigin[],
    log: ProcessLog,
  ): Promise<Service> {
    // Files and sockets of this service are for its user alone.
    process.umask(0o077);
    await refuseIfServed(config);
    makeLogDirectory(config);
    const socket = handedOverSocket();
    const at = socket === undefined ? config : { ...config, host: socket.host, port: socket.port };
    const access = await accessOf(at);
    const { port, adminServer } = await takePorts(at, socket !== undefined);
    try {
      warnOfFewFiles(log);
      await checkRedis(config);
      const service = new Service({ ...at, port }, { access, origins, inheritedFd: socket?.fd }, log);
      service.#operators = await listenForOperators(service.#directory.adminSocket, service);
      if (adminServer !== undefined) service.#adminPort = await serveAdminPort(adminServer, service);
      service.#cluster.start();
      service.#reserveKeeper.start();
      return service;
    } catch (error) {
      adminServer?.close();
      throw error;
    }
  }

  /** Resolves when every shard or clone serves or has failed, and somebody listens. @throws CannotStart */
  get ready(): Promise<ServiceStatus> {
    return this.#ready.promise;
  }

  /** Resolves when the service has stopped, whoever asked for it. */
  get stopped(): Promise<ServiceEnd> {
    return this.#stopped.promise;
  }

  status(): ServiceStatus {
    return statusOf({
      supervisor: this.#supervisor,
      config: this.#settings.config,
      certificate: this.access.announcement.certificate?.cert ?? null,
      version: this.#version,
      adminUrl: this.#adminPort?.url ?? null,
      health: this.#healthNow,
      service: this.#topologyFile.service,
      strategy: this.#strategy,
      acknowledgement: this.#acknowledgement,
      directory: this.#directory,
      ring: this.#topologyFile.ring,
      moves: this.topology.moves(),
      state: this.#state,
      uptimeMs: performance.now() - this.#startedAtMs,
    });
  }

  get acknowledgement(): string | null {
    return this.#acknowledgement;
  }

  /** Drains in the reverse order of the start. Idempotent; `stopped` tells the end. */
  async stop(end: ServiceEnd = 'asked'): Promise<void> {
    if (this.#state === 'draining') return;
    this.#state = 'draining';
    this.#servingWatch.stop();
    this.#reserveKeeper.stop();
    this.#memoryKeeper.stop();
    await this.#cluster.stop();
    await this.#adminPort?.close();
    await this.#operators?.close();
    this.#ticks.cancel();
    this.#topologyFile.close();
    this.#stopped.resolve(end);
  }

  async measures(): Promise<readonly Measure[]> {
    const children = await this.#meter.measures();
    return [
      ...serviceMeasures(this.status()),
      ...this.#rebalancer.totals.measures(),
      ...labelled(await processMeasures(), { process: 'primary' }),
      ...children,
    ];
  }

  dashboard(): string | null {
    return this.#adminPort?.dashboard ?? null;
  }

  profile(request: ProfileRequest): Promise<void> {
    return this.#profiler.take(request);
  }

  async reload(what: string): Promise<ReloadReport> {
    if (this.#state !== 'ready') throw new ChangeRefused(`The service is ${this.#state}: reload it when it is ready.`);
    return this.#reload.run(what);
  }

  settings(): readonly SettingView[] {
    const strategy = this.#strategy;
    const adminUrl = this.#adminPort?.url;
    return this.#settings.views({
      strategy,
      recorded: { strategy, shards: this.#topologyFile.weights().size },
      chosen: {
        routers: routersOf(this.#settings.config),
        adminPort: adminUrl === undefined ? 'off' : Number(new URL(adminUrl).port),
      },
    });
  }

  /** After somebody has moved the files of the log away. */
  reopenLogs(): void {
    if (reopenLog()) this.#supervisor.reopenLogs();
    else this.#log.warn('there are no log files to reopen: set --log-dir DIR to have them');
  }

  async verify(): Promise<ServiceAudit> {
    checkWalkable(this.#topologyFile.store);
    return this.#auditor.verify();
  }

  get #supervisor(): Supervisor {
    return this.#cluster.supervisor;
  }

  get #rebalancer(): Rebalancer {
    return this.#cluster.rebalancer;
  }

  #listener(log: ProcessLog): SupervisorListener {
    return {
      onState: (child) => {
        this.snapshots.onState(child);
        this.#settleReady();
        if (this.#state !== 'draining') this.#servingWatch.look();
      },
      onDeath: (child) => {
        this.#auditor.onDeath(child);
        this.#meter.onDeath(child);
        this.#profiler.onDeath(child);
      },
      onMeasures: (child, report) => this.#meter.onReport(child, report),
      onProfileReport: (child, report) => this.#profiler.onReport(child, report),
      onHealth: ({ spec }, { lsn }) => {
        // What clones share. Of a shard's file the cluster knows.
        if (spec.role === 'clone' && lsn !== null) this.#topologyFile.files.acknowledge(sharedShard, lsn);
      },
      onSnapshotPinned: (child, pinned) => this.snapshots.onPinned(child, pinned),
      onAuditReport: (report) => this.#auditor.onReport(report),
      onStoreReport: (child, { acknowledgement }) => {
        if (acknowledgement !== this.#acknowledgement) log.info({ child: child.spec.name }, acknowledgement);
        this.#acknowledgement = acknowledgement;
      },
    };
  }

  #settleReady(): void {
    if (this.#state !== 'starting') return;
    const { frontends, shards } = this.#supervisor;
    if (frontends.every(({ isGivenUp }) => isGivenUp)) {
      this.#ready.reject(new CannotStart(`No ${frontends[0]?.spec.role} stays alive. The log above says why.`));
    }
    const isSettled = (child: SupervisedChild) => child.state === 'ready' || child.isGivenUp;
    const holders = this.#strategy === 'partitioned' ? shards : frontends;
    if (!frontends.some(({ state }) => state === 'ready') || !holders.every(isSettled)) return;
    this.#state = 'ready';
    this.#ready.resolve(this.status());
  }
}
