/**
 * What operators can ask the running service and what it answers, over its admin socket: the types and checks that
 * the command line and the primary share. JSON over HTTP; `admin-server.ts` answers and `admin-client.ts` asks.
 */

import type { TokenRecord } from '../access/token.ts';
import type { Strategy } from '../config/service-config.ts';
import type { RingDescription } from '../partition/ring.ts';
import type { ChangePlan } from '../rebalance/change-plan.ts';
import type { RebalanceStatus } from '../rebalance/rebalancer.ts';
import type { ThrottleSetting } from '../rebalance/throttle.ts';
import type { ChangeRequest, TopologyChange } from '../rebalance/topology-change.ts';
import type { AuditReport } from '../sqlite/file-audit.ts';

export type ProcessStatus = {
  /** e.g. `shard-2` */
  readonly id: string;
  readonly role: 'primary' | 'router' | 'shard' | 'clone';
  readonly state: string;
  readonly pid: number | null;
  readonly restarts: number;
  readonly uptimeMs: number | null;
  /** Of one core, over the last second. */
  readonly cpuPercent: number | null;
  readonly memoryBytes: number | null;
  /** By how much the slowest hundredth of turns of its event loop came late, over the last second. */
  readonly eventLoopDelayMs: number | null;
  /** Which part of the last second its event loop was busy, 0 to 1. */
  readonly eventLoopUtilization: number | null;
  /** Of clients. */
  readonly connections: number | null;
  readonly slots: number | null;
  /** Of a shard: what clones share is no single one's. */
  readonly keys: number | null;
  /** Of keys and values. */
  readonly bytes: number | null;
  /** On disk, of a shard. */
  readonly fileBytes: number | null;
  readonly walBytes: number | null;
  readonly operationsPerS: number | null;
  readonly p99Ms: number | null;
  readonly reads: OperationFigures | null;
  readonly writes: OperationFigures | null;
  /** Answers with a status from 500 on. */
  readonly failuresPerS: number | null;
  readonly lastDeath: { readonly reason: string; readonly atMs: number } | null;
  /** Why it will not serve until an operator has done something, and what: in sentences. Null where it does. */
  readonly refusal: string | null;
};

type OperationFigures = {
  /** Over the last second. */
  readonly perS: number;
  /** Over ten seconds; null when there was no operation. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
};

export type ServiceStatus = {
  /** Degraded: ready, and one of its processes is in trouble. */
  readonly state: 'starting' | 'ready' | 'degraded' | 'draining';
  /** Names this service for good: another one made in the same place has another. */
  readonly service: string;
  readonly version: string;
  readonly url: string;
  /** What the service shows at that address, in PEM; null where it speaks no TLS. */
  readonly certificate: string | null;
  /** Where metrics are; null when that is off. */
  readonly adminUrl: string | null;
  readonly strategy: Strategy;
  readonly data: string;
  /** Where everything lies when nothing is partitioned; null otherwise. */
  readonly store: string | null;
  /** What an acknowledgement is worth, in sentences, where the store's own settings decide it; null for files of ours. */
  readonly acknowledgement: string | null;
  /** All keys, and their bytes with those of their values, as of the last second; null where not all of them are counted. */
  readonly stored: { readonly keys: number; readonly bytes: number } | null;
  /** Of the one file that clones share; null where each shard has its own, or there is none. */
  readonly sharedFile: { readonly fileBytes: number; readonly walBytes: number } | null;
  /** Room on the file system of the data directory; null where it cannot be looked at. */
  readonly diskFreeBytes: number | null;
  readonly uptimeMs: number;
  /** Lines of the primary's log that found no place, since it started. */
  readonly logLinesLost: number;
  readonly ring: RingDescription;
  /** Topology changes that are not over. */
  readonly moves: RebalanceStatus;
  readonly processes: readonly ProcessStatus[];
};

/** Whether clients feel that this process does not serve. One without slots, which is just coming or going, nobody misses. */
export function isInTrouble({ role, state, slots }: ProcessStatus): boolean {
  return state !== 'ready' && role !== 'primary' && (role !== 'shard' || (slots ?? 0) > 0);
}

/** What a service that stops has promised to whom it answered. */
export function promiseKept({ acknowledgement }: Pick<ServiceStatus, 'acknowledgement'>): string {
  return acknowledgement ?? 'Every acknowledged write is on disk.';
}

export type ServiceAudit = {
  readonly epoch: number;
  /** Every one of them has exactly one owner: a ring that had not could not be read. */
  readonly slots: number;
  readonly shards: readonly AuditReport[];
  readonly keys: number;
  readonly bytes: number;
  readonly isSound: boolean;
};

/** All files of the service as of one moment, kept as they are for who copies them. */
export type SnapshotView = {
  readonly id: number;
  /** All of each file is to be copied, and so much of the WAL beside it. */
  readonly files: readonly {
    readonly shard: number;
    readonly path: string;
    readonly walBytes: number;
    readonly lsn: number;
  }[];
};

/** What a new token shall allow. */
export type TokenOrder = Pick<TokenRecord, 'name' | 'read' | 'write' | 'prefixes' | 'expiresAtMs'>;
/** What is shown of a token. */
export type TokenView = Omit<TokenRecord, 'hash'>;

/** A process, by the name that `status` shows, writes what it knows of itself to a new file. */
export type ProfileRequest = {
  readonly process: string;
  /** Where its time goes, or what lies on its heap. */
  readonly kind: 'cpu' | 'heap';
  /** Of a CPU profile. */
  readonly seconds: number;
  /** Absolute. */
  readonly file: string;
};

export const profileSecondsMax = 600;

export type ReloadReport = {
  /** Names of processes, in order. */
  readonly reloaded: readonly string[];
  readonly stoppedAt: { readonly process: string; readonly why: string } | null;
  /** Settings that are new on disk, and hold from now on. */
  readonly adopted: readonly string[];
  /** Settings that are new on disk, and are read at the start alone. */
  readonly needRestart: readonly string[];
};

export type SettingView = {
  readonly name: string;
  /** In use, as one would write it in a flag. Null where there is none, or where the strategy does not use the setting. */
  readonly value: string | null;
  /** e.g. `--port`, `SHARDLITE_PORT`, `"port" in shardlite.json`, `data directory`, `default` */
  readonly source: string;
  readonly reloads: boolean;
};

export type SteeringOrder =
  | { readonly kind: 'pause' | 'resume' | 'abort' }
  | { readonly kind: 'throttle'; readonly setting: ThrottleSetting };

/** Whoever does what operators ask. */
export interface AdminActions {
  readonly topology: TopologyActions;
  readonly snapshots: SnapshotActions;
  readonly access: AccessActions;
  status(): ServiceStatus;
  /** Begins to stop; does not wait for the end, since this very API ends with it. */
  stop(): Promise<void>;
  /**
   * @param what `all`, `routers`, `clones`, `shards`, or the name of a process
   * @throws ChangeRefused, ConfigError
   */
  reload(what: string): Promise<ReloadReport>;
  /** Resolves when the file is there. @throws ChangeRefused */
  profile(request: ProfileRequest): Promise<void>;
  /** As they are in force. */
  settings(): readonly SettingView[];
  /** @throws ChangeRefused when a shard is away */
  verify(): Promise<ServiceAudit>;
  /** The address of the page for operators, with the token that lets it act; null when it is off. */
  dashboard(): string | null;
}

export interface TopologyActions {
  /** @throws ChangeRefused */
  plan(request: ChangeRequest): ChangePlan;
  /** Queues it. @throws ChangeRefused */
  request(request: ChangeRequest): TopologyChange;
  /** Newest first. */
  changes(): readonly TopologyChange[];
  moves(): RebalanceStatus;
  /** False when there is nothing to steer. @throws ChangeRefused */
  steer(order: SteeringOrder): boolean;
}

export interface SnapshotActions {
  /** @param directory where a copy of `meta.sqlite` goes @throws SnapshotRefused; ChangeRefused over Redis */
  begin(directory: string): Promise<SnapshotView>;
  /** At least once in ten seconds, or it ends. @throws SnapshotRefused when it has ended */
  renew(id: number): SnapshotView;
  /** @throws SnapshotRefused when it has ended before: then the copy is worth nothing */
  end(id: number): void;
}

export interface AccessActions {
  tokens(): readonly TokenView[];
  /** Returns the token, which nobody can find out again. @throws AccessRefused */
  create(order: TokenOrder): string;
  /** False when there is no token of that name. @throws AccessRefused */
  revoke(name: string): boolean;
  /** Reads all files again that say who may come in. @throws AccessRefused */
  reload(): Promise<void>;
}

export const profileRequestSchema = {
  type: 'object',
  required: ['process', 'kind', 'seconds', 'file'],
  additionalProperties: false,
  properties: {
    process: { type: 'string' },
    kind: { enum: ['cpu', 'heap'] },
    seconds: { type: 'integer', minimum: 1, maximum: profileSecondsMax },
    file: { type: 'string', pattern: '^/' },
  },
};

export const snapshotRequestSchema = {
  type: 'object',
  required: ['directory'],
  additionalProperties: false,
  properties: { directory: { type: 'string', pattern: '^/' } },
};

export const changeRequestSchema = {
  type: 'object',
  required: ['kind'],
  additionalProperties: false,
  properties: {
    kind: { enum: ['add-shard', 'remove-shard', 'rebalance'] },
    count: { type: 'integer' },
    weight: { type: 'integer' },
    shard: { type: 'integer' },
    weights: { type: 'array', items: { type: 'array', minItems: 2, maxItems: 2, items: { type: 'integer' } } },
    epoch: { type: 'integer' },
    lastChange: { type: 'integer' },
  },
};

export const tokenOrderSchema = {
  type: 'object',
  required: ['name', 'read', 'write', 'prefixes', 'expiresAtMs'],
  additionalProperties: false,
  properties: {
    name: { type: 'string' },
    read: { type: 'boolean' },
    write: { type: 'boolean' },
    prefixes: { type: 'array', items: { type: 'string' } },
    expiresAtMs: { type: ['integer', 'null'] },
  },
};

export const steeringOrderSchema = {
  type: 'object',
  required: ['kind'],
  additionalProperties: false,
  properties: {
    kind: { enum: ['pause', 'resume', 'abort', 'throttle'] },
    setting: {
      type: 'object',
      required: ['kind'],
      properties: {
        kind: { enum: ['automatic', 'rows-per-s', 'p99-ms'] },
        rowsPerS: { type: 'integer', minimum: 1 },
        p99Ms: { type: 'number', exclusiveMinimum: 0 },
      },
    },
  },
};
