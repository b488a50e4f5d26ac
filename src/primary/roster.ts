/** The children of a service: how each is forked, and what its start message says. */

import { type ChildProcess, fork } from 'node:child_process';
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { type DataDirectory, sharedShard } from '../config/data-directory.ts';
import { logSettingsOf } from '../config/log-settings.ts';
import { redisAddressOf } from '../config/redis-address.ts';
import { routersOf, type ServiceConfig, type Strategy } from '../config/service-config.ts';
import { forkFrontend } from '../supervision/dealt-connections.ts';
import type { LogSettings } from '../supervision/log.ts';
import type { AccessMessage, StartClone } from '../supervision/messages.ts';
import type { FrontendSpec, Roster } from '../supervision/supervisor.ts';
import type { FileRecords } from './file-records.ts';

const shardEntry = fileURLToPath(new URL('../shard/main.js', import.meta.url));
const routerEntry = fileURLToPath(new URL('../router/main.js', import.meta.url));
const cloneEntry = fileURLToPath(new URL('../clone/main.js', import.meta.url));

export type RosterOptions = {
  /** As it is at the moment of asking: a reload may change it. */
  readonly config: () => ServiceConfig;
  readonly strategy: Strategy;
  readonly directory: DataDirectory;
  /** The service's id. */
  readonly service: string;
  /** As they are at the moment of asking. */
  readonly access: () => Omit<AccessMessage, 'type'>;
  readonly files: Pick<FileRecords, 'acknowledgedLsn' | 'demandedLsn'>;
  /** Of the listening socket that frontends share; undefined where node:cluster opens one. */
  readonly inheritedFd: number | undefined;
};

export type ShardsRosterOptions = Pick<RosterOptions, 'directory' | 'service' | 'files'> & {
  readonly valueBytesMax: number;
  /** As it is at the moment of asking. */
  readonly log: () => LogSettings;
  /** Forwarded when absent. */
  readonly reads?: ServiceConfig['reads'];
  /** What Node is told of a shard's process, as it is at the moment of asking. */
  readonly execArgv?: () => string[];
};

/** Once in a process: what node:cluster forks is one setting for all. */
export function rosterOf(options: RosterOptions): Roster {
  const { config, directory, service, strategy, files } = options;
  // What Node's debugger flags and ours would pass on does not belong to children.
  cluster.setupPrimary({ exec: strategy === 'partitioned' ? routerEntry : cloneEntry, args: [], execArgv: [] });
  return {
    frontends: () => frontendsOf(options),
    ...shardsRosterOf({
      directory,
      service,
      files,
      valueBytesMax: config().valueBytesMax,
      log: () => logSettingsOf(config()),
      reads: config().reads,
      execArgv: () => heapLimitOf(config()),
    }),
  };
}

/** Without those who speak HTTP: shards can be forked, and move slots, where nobody is to be served. */
export function shardsRosterOf({
  directory,
  service,
  files,
  valueBytesMax,
  log,
  reads = 'forwarded',
  execArgv = () => [],
}: ShardsRosterOptions): Omit<Roster, 'frontends'> {
  return {
    forkShard: () => fork(shardEntry, [], { execArgv: execArgv(), stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }),
    socketsOf: (shard, life) => {
      directory.removeSocketsOf(shard);
      return directory.shardSockets(shard, life);
    },
    startShard: (shard, sockets, topology) => ({
      type: 'start-shard',
      shard,
      log: log(),
      service,
      file: directory.shardFile(shard),
      socketPath: sockets.forRouters,
      moveSocketPath: sockets.forMoves,
      valueBytesMax,
      acknowledgedLsn: files.demandedLsn(shard, topology),
      reads,
      topology,
    }),
  };
}

function frontendsOf(options: RosterOptions): FrontendSpec[] {
  const { strategy } = options;
  const config = options.config();
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
  switch (strategy) {
    case 'partitioned':
      return upTo(routersOf(config)).map((index) => routerSpec(index, options));
    case 'cloned':
      return upTo(config.clones).map((index) => cloneSpec(index, options));
    case 'single':
      return [cloneSpec(1, options)];
  }
}

function routerSpec(index: number, options: RosterOptions): FrontendSpec {
  const { config, service, directory } = options;
  const directReads = config().reads === 'direct' ? { service, directory: directory.path } : null;
  return {
    name: `router-${index}`,
    role: 'router',
    overlaps: true,
    fork: () => forkFrontendWithin(options, routerEntry),
    startMessage: (topology) => ({ type: 'start-router', router: index, ...edgeOf(options), directReads, topology }),
  };
}

function cloneSpec(index: number, options: RosterOptions): FrontendSpec {
  return {
    name: `clone-${index}`,
    role: 'clone',
    // A single process has its file alone.
    overlaps: options.strategy !== 'single',
    fork: () => forkFrontendWithin(options, cloneEntry),
    startMessage: () => ({ type: 'start-clone', clone: index, ...edgeOf(options), store: storeOf(options) }),
  };
}

/** Behind the standard streams and the channel to the primary. */
const fdOfChild = 4;

/**
 * A socket that was handed over is shared by the kernel: node:cluster would close it with its last worker, and nobody
 * could open it again.
 */
function forkFrontendWithin({ config, inheritedFd }: RosterOptions, entry: string): ChildProcess {
  const execArgv = heapLimitOf(config());
  if (inheritedFd !== undefined) {
    return fork(entry, [], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc', inheritedFd] });
  }
  cluster.setupPrimary({ execArgv });
  return forkFrontend();
}

/** V8 collects harder as it nears its limit. A quarter is left to what lies outside its heap: bodies, and SQLite's pages. */
const heapShare = 0.75;

/** What Node is told. */
export function heapLimitOf({ memoryMax }: Pick<ServiceConfig, 'memoryMax'>): string[] {
  if (memoryMax === undefined) return [];
  return [`--max-old-space-size=${Math.floor((memoryMax * heapShare) / 2 ** 20)}`];
}

/** What everybody who speaks HTTP has to know. */
function edgeOf({ config, access, inheritedFd }: RosterOptions) {
  const { rules, certificate } = access();
  const settings = config();
  const { host, port, valueBytesMax, bodyMemoryBytesMax, allowedHosts, allowedOrigins, rateLimit } = settings;
  const { accessLog, slowMs, adminPort } = settings;
  return {
    log: logSettingsOf(settings),
    host,
    port,
    listenFd: inheritedFd === undefined ? null : fdOfChild,
    valueBytesMax,
    bodyMemoryBytesMax,
    allowedHosts: [...allowedHosts],
    allowedOrigins: [...allowedOrigins],
    accessRules: rules,
    certificate,
    rateLimit: rateLimit ?? null,
    accessLog: { kind: accessLog, slowMs: slowMs === 0 ? null : slowMs },
    metering: adminPort === 'off' ? ('off' as const) : ('on' as const),
  };
}

function storeOf({ config, directory, service, strategy, files }: RosterOptions): StartClone['store'] {
  const { store } = config();
  if (redisAddressOf(store) !== undefined) return { kind: 'redis', url: store };
  const access = strategy === 'single' ? 'exclusive' : 'shared';
  const acknowledgedLsn = files.acknowledgedLsn(sharedShard);
  return { kind: 'sqlite', service, shard: sharedShard, file: directory.sharedFile, acknowledgedLsn, access };
}
