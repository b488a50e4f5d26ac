/** The children of a service: who there is, and what their start messages say. */

import { type DataDirectory, sharedShard } from '../config/data-directory.ts';
import { logSettingsOf } from '../config/log-settings.ts';
import { redisAddressOf } from '../config/redis-address.ts';
import { routersOf, type ServiceConfig, type Strategy } from '../config/service-config.ts';
import type { LogSettings } from '../supervision/log.ts';
import type { AccessMessage, StartClone, StartShard } from '../supervision/messages.ts';
import type { FrontendSpec, Roster } from '../supervision/supervisor.ts';
import type { FileRecords } from './file-records.ts';
import { type Forks, fdOfChild } from './forks.ts';

/** Where files and sockets lie. */
type Places = Pick<DataDirectory, 'path' | 'sharedFile' | 'shardFile' | 'shardSockets' | 'removeSocketsOf'>;

export type RosterOptions = {
  /** As it is at the moment of asking: a reload may change it. */
  readonly config: () => ServiceConfig;
  readonly strategy: Strategy;
  readonly directory: Places;
  /** The service's id. */
  readonly service: string;
  /** As they are at the moment of asking. */
  readonly access: () => Omit<AccessMessage, 'type'>;
  readonly files: Pick<FileRecords, 'acknowledgedLsn' | 'demandedLsn'>;
  /** By which the service goes. */
  readonly time: { note(): StartShard['time'] | undefined };
  /** Of the listening socket that frontends share; undefined where node:cluster opens one. */
  readonly inheritedFd: number | undefined;
  readonly forks: Forks;
};

export type ShardsRosterOptions = Pick<RosterOptions, 'directory' | 'service' | 'files'> &
  Pick<Forks, 'forkShard'> & {
    /** New files go by the machine's clock when absent. */
    readonly time?: RosterOptions['time'];
    readonly valueBytesMax: number;
    /** As it is at the moment of asking. */
    readonly log: () => LogSettings;
    /** Forwarded when absent. */
    readonly reads?: ServiceConfig['reads'];
  };

export function rosterOf(options: RosterOptions): Roster {
  const { config, directory, service, files, time, forks } = options;
  return {
    frontends: () => frontendsOf(options),
    ...shardsRosterOf({
      directory,
      service,
      files,
      time,
      forkShard: forks.forkShard,
      valueBytesMax: config().valueBytesMax,
      log: () => logSettingsOf(config()),
      reads: config().reads,
    }),
  };
}

/** Without those who speak HTTP: shards can be forked, and move slots, where nobody is to be served. */
export function shardsRosterOf({
  directory,
  service,
  files,
  time,
  forkShard,
  valueBytesMax,
  log,
  reads = 'forwarded',
}: ShardsRosterOptions): Omit<Roster, 'frontends'> {
  return {
    forkShard,
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
      time: time?.note() ?? null,
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
  const { config, service, directory, forks } = options;
  const name = `router-${index}`;
  const directReads = config().reads === 'direct' ? { service, directory: directory.path } : null;
  return {
    name,
    role: 'router',
    overlaps: true,
    fork: () => forks.forkFrontend(name),
    startMessage: (topology) => ({ type: 'start-router', router: index, ...edgeOf(options), directReads, topology }),
  };
}

function cloneSpec(index: number, options: RosterOptions): FrontendSpec {
  const name = `clone-${index}`;
  return {
    name,
    role: 'clone',
    // A single process has its file alone.
    overlaps: options.strategy !== 'single',
    fork: () => options.forks.forkFrontend(name),
    startMessage: () => ({ type: 'start-clone', clone: index, ...edgeOf(options), store: storeOf(options) }),
  };
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
