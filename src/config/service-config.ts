/**
 * Every setting of the service, in one table: its flag, environment variable and JSON field, what it allows, its default,
 * and whether a reload adopts another value of it.
 */

import { availableParallelism } from 'node:os';
import { rateLimitPattern } from '../access/rate-limiter.ts';
import { shardsMax } from '../partition/ring.ts';
import { defaultRestartPolicy } from '../supervision/child-state.ts';
import { redisAddressOf, redisAddressText } from './redis-address.ts';
import { byteSize, listOfTexts, MiB, oneOf, oneOfText, path, wholeNumber } from './setting-values.ts';

/** How processes share the data. docs/strategies.md says when to take which. */
const strategies = ['partitioned', 'cloned', 'single'] as const;
export type Strategy = (typeof strategies)[number];

/** Whether files of an older version are kept as they were before they are upgraded. */
const upgradeCopies = ['keep', 'none'] as const;

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** Which requests are logged, and whether with their keys. */
const accessLogKinds = ['off', 'on', 'keys'] as const;

/** Who reads a single key from a shard's file: the shard itself, or any router. */
export const readWays = ['forwarded', 'direct'] as const;

export type ServiceConfig = {
  readonly port: number;
  readonly host: string;
  /** On loopback, for operators. Undefined means the port after that of the service. */
  readonly adminPort: number | 'off' | undefined;
  /** Undefined means the strategy of the last start, or `partitioned` in a new data directory. */
  readonly strategy: Strategy | undefined;
  /** Undefined means as many as the data directory has, or one a core in a new one. */
  readonly shards: number | undefined;
  /** Undefined means as many as `routersOf` says. */
  readonly routers: number | undefined;
  readonly reads: (typeof readWays)[number];
  readonly clones: number;
  /** What clones share: `sqlite`, or a URL that `redisAddressOf` can read. */
  readonly store: string;
  readonly data: string;
  readonly valueBytesMax: number;
  readonly bodyMemoryBytesMax: number;
  /** Of the data directory, kept for a full disk. */
  readonly reserveBytes: number;
  /** Host names without port; `*` stands for any. */
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly upgradeCopies: (typeof upgradeCopies)[number];
  /** Everybody may come in, wherever the service listens. */
  readonly open: boolean;
  /** Path of a JSON Web Key Set: who has a token signed with one of its keys comes in. */
  readonly jwtKeys: string | undefined;
  readonly jwtAudiences: readonly string[];
  /** Paths of files in PEM: both, or neither. */
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  /** Of each token or address, in each router or clone, as `rateLimitOf` can read it. */
  readonly rateLimit: string | undefined;
  /** The supervisor forgets the earlier deaths of a process that has served this long. */
  readonly healthyAfterMs: number;
  readonly failedRetryMs: number;
  /** 0 is never. */
  readonly failedExitMs: number;
  /** Undefined means no limit. */
  readonly memoryMax: number | undefined;
  readonly logLevel: (typeof logLevels)[number];
  /** Undefined means standard output. */
  readonly logDir: string | undefined;
  /** Of one file; 0 is no limit. */
  readonly logFileBytesMax: number;
  /** Of each process. */
  readonly logFilesMax: number;
  readonly accessLog: (typeof accessLogKinds)[number];
  /** 0 is never. */
  readonly slowMs: number;
};

type Setting<T> = {
  /** Stands for the value in the usage, e.g. `PORT`. Undefined for a flag that has none. */
  readonly value: string | undefined;
  readonly description: string;
  /** Completes the sentence "… must be" of the error that a wrong value gets. */
  readonly allowed: string;
  /** Takes text from a flag or variable, or a JSON value; returns undefined when it is not allowed. */
  readonly parse: (raw: unknown) => T | undefined;
  readonly default: T;
  /** How the usage names the default. */
  readonly defaultText: string;
  /** The one strategy that uses this setting. Absent when every strategy does, or a value of it decides. */
  readonly onlyFor?: Strategy;
  /** `shardctl reload` adopts another value of it; the others are read at the start alone. */
  readonly reloads?: true;
};

const cores = availableParallelism();
export const routersMax = 64;
export const clonesMax = 64;
/** The largest `valueBytesMax`, in bytes. */
export const valueBytesLargest = 16 * MiB;
const defaultClones = Math.min(Math.max(2, cores), clonesMax);
const defaultRouters = {
  /** The other half of the cores is the shards'. */
  forwarded: Math.min(Math.max(1, Math.floor(cores / 2)), routersMax),
  direct: Math.min(cores, routersMax),
} as const;

export const settings: { readonly [K in keyof ServiceConfig]: Setting<ServiceConfig[K]> } = {
  port: {
    value: 'PORT',
    description: 'port of the REST API',
    allowed: 'a whole number from 0 (any free port) to 65535',
    parse: wholeNumber(0, 65_535),
    default: 7700,
    defaultText: '7700',
  },
  host: {
    value: 'ADDRESS',
    description: 'address to listen on; beyond loopback it needs tokens, --jwt-keys or --open',
    allowed: 'an address or host name of this machine',
    parse: (raw) => (typeof raw === 'string' && /^[\w.:%-]+$/.test(raw) ? raw : undefined),
    default: '127.0.0.1',
    defaultText: '127.0.0.1',
  },
  adminPort: {
    value: 'PORT',
    description: 'port of metrics and the page for operators, on loopback only; off: neither',
    allowed: 'a whole number from 0 (any free port) to 65535, or off',
    parse: (raw) => (raw === 'off' ? raw : wholeNumber(0, 65_535)(raw)),
    default: undefined,
    defaultText: 'the one after --port, so 7701; any free one if that is taken',
  },
  strategy: {
    value: 'NAME',
    description:
      'partitioned: shards, each with its own file; cloned: processes that share one file; single: one process',
    allowed: oneOfText(strategies),
    parse: oneOf(strategies),
    default: undefined,
    defaultText: 'partitioned in a new data directory, later unchanged',
  },
  shards: {
    value: 'N',
    description: 'shards of a new data directory',
    allowed: `a whole number from 1 to ${shardsMax}`,
    parse: wholeNumber(1, shardsMax),
    default: undefined,
    defaultText: `one per core, at least 2: here ${defaultShards()}`,
    onlyFor: 'partitioned',
  },
  routers: {
    value: 'N',
    description: 'router processes',
    allowed: `a whole number from 1 to ${routersMax}`,
    parse: wholeNumber(1, routersMax),
    default: undefined,
    defaultText: `half the cores, at least 1: here ${defaultRouters.forwarded}; with direct reads one per core: ${defaultRouters.direct}`,
    onlyFor: 'partitioned',
    reloads: true,
  },
  reads: {
    value: 'WAY',
    description: "forwarded: a shard reads its keys; direct: routers read single keys from the shards' files",
    allowed: oneOfText(readWays),
    parse: oneOf(readWays),
    default: 'forwarded',
    defaultText: 'forwarded',
    onlyFor: 'partitioned',
  },
  clones: {
    value: 'N',
    description: 'processes of the cloned strategy',
    allowed: `a whole number from 1 to ${clonesMax}`,
    parse: wholeNumber(1, clonesMax),
    default: defaultClones,
    defaultText: `one per core, at least 2: here ${defaultClones}`,
    onlyFor: 'cloned',
    reloads: true,
  },
  store: {
    value: 'STORE',
    description: 'what clones share: sqlite (a file in the data directory), or a Redis or Valkey server or Cluster',
    allowed: 'sqlite or redis://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]',
    parse: (raw) =>
      typeof raw === 'string' && (raw === 'sqlite' || redisAddressOf(raw) !== undefined) ? raw : undefined,
    default: 'sqlite',
    defaultText: 'sqlite',
  },
  data: {
    value: 'DIR',
    description: 'data directory',
    allowed: 'the path of a directory',
    parse: path,
    default: 'shards',
    defaultText: './shards',
  },
  valueBytesMax: {
    value: 'BYTES',
    description: 'size of the largest value',
    allowed: 'a size from 1 to 16MiB: bytes, or a number with KiB or MiB',
    parse: byteSize(1, valueBytesLargest),
    default: MiB,
    defaultText: '1MiB',
    reloads: true,
  },
  bodyMemoryBytesMax: {
    value: 'BYTES',
    description: 'memory for bodies of requests and answers in each router or clone',
    // The largest batch must fit.
    allowed: 'a size from 16MiB to 65536MiB: bytes, or a number with KiB or MiB',
    parse: byteSize(16 * MiB, 65_536 * MiB),
    default: 256 * MiB,
    defaultText: '256MiB',
    reloads: true,
  },
  reserveBytes: {
    value: 'BYTES',
    description: 'disk space that is kept free for deletes on a full disk',
    allowed: 'a size from 0 (none) to 1024MiB: bytes, or a number with KiB or MiB',
    parse: byteSize(0, 1_024 * MiB),
    default: 16 * MiB,
    defaultText: '16MiB, at most a quarter of the disk',
  },
  allowedHosts: {
    value: 'NAMES',
    description: 'more host names that requests may use, comma-separated; * for any',
    allowed: 'host names without port, separated by commas',
    parse: listOfTexts((text) => /^(\*|[\w.-]+|\[[\da-f:]+\])$/i.test(text)),
    default: [],
    defaultText: 'loopback names on a loopback address, any elsewhere',
    reloads: true,
  },
  allowedOrigins: {
    value: 'ORIGINS',
    description: 'origins of web pages that may read and write here, comma-separated; * for any',
    allowed: 'origins as browsers send them, like https://app.example or http://localhost:3000, separated by commas',
    parse: listOfTexts((text) => text === '*' || (URL.canParse(text) && new URL(text).origin === text)),
    default: [],
    defaultText: 'only its own',
    reloads: true,
  },
  upgradeCopies: {
    value: 'COPIES',
    description: 'keep or remove the old files after an upgrade',
    allowed: oneOfText(upgradeCopies),
    parse: oneOf(upgradeCopies),
    default: 'keep',
    defaultText: 'keep, beside the upgraded files',
  },
  open: {
    value: undefined,
    description: 'let everybody read and write who can reach the service, even beyond loopback',
    allowed: 'true or false',
    parse: (raw) => (raw === true || raw === 'true' ? true : raw === false || raw === 'false' ? false : undefined),
    default: false,
    defaultText: 'false',
  },
  jwtKeys: {
    value: 'FILE',
    description: 'JSON Web Key Set: accept tokens signed with one of its keys (HS256, RS256, ES256, EdDSA)',
    allowed: 'the path of a file',
    parse: path,
    default: undefined,
    defaultText: 'none',
    reloads: true,
  },
  jwtAudiences: {
    value: 'NAMES',
    description: 'accepted audiences of JSON Web Tokens, comma-separated',
    allowed: 'names without commas or spaces, separated by commas',
    parse: listOfTexts((text) => /^[^\s,]{1,255}$/.test(text)),
    default: [],
    defaultText: 'none: only tokens without an audience',
    reloads: true,
  },
  tlsCert: {
    value: 'FILE',
    description: 'certificate (PEM, with its chain): speak HTTPS instead of HTTP',
    allowed: 'the path of a file',
    parse: path,
    default: undefined,
    defaultText: 'none',
    reloads: true,
  },
  tlsKey: {
    value: 'FILE',
    description: 'private key (PEM) of the certificate',
    allowed: 'the path of a file',
    parse: path,
    default: undefined,
    defaultText: 'none',
    reloads: true,
  },
  rateLimit: {
    value: 'N/UNIT',
    description: 'limit of requests of each token or address, at each router or clone',
    allowed: 'a whole number from 1 and /s, /m or /h, like 1000/s',
    parse: (raw) => (typeof raw === 'string' && rateLimitPattern.test(raw) ? raw : undefined),
    default: undefined,
    defaultText: 'none',
    reloads: true,
  },
  healthyAfterMs: {
    value: 'MS',
    description: 'after serving this long a process is healthy, and its earlier deaths no longer count',
    allowed: 'a whole number of milliseconds from 100 to 3600000',
    parse: wholeNumber(100, 3_600_000),
    default: defaultRestartPolicy.healthyAfterMs,
    defaultText: String(defaultRestartPolicy.healthyAfterMs),
  },
  failedRetryMs: {
    value: 'MS',
    description: 'time between restarts of a process that has failed',
    allowed: 'a whole number of milliseconds from 100 to 3600000',
    parse: wholeNumber(100, 3_600_000),
    default: defaultRestartPolicy.failedRetryMs,
    defaultText: String(defaultRestartPolicy.failedRetryMs),
  },
  failedExitMs: {
    value: 'MS',
    description: 'if all shards or all routers have failed for this long, end with exit code 1',
    allowed: 'a whole number of milliseconds from 0 (never) to 86400000',
    parse: wholeNumber(0, 86_400_000),
    default: 300_000,
    defaultText: '300000',
  },
  memoryMax: {
    value: 'BYTES',
    description: 'reload a process that uses more memory than this for 30 s, one at a time',
    allowed: 'a size from 128MiB to 1048576MiB: bytes, or a number with KiB or MiB',
    parse: byteSize(128 * MiB, 1_048_576 * MiB),
    default: undefined,
    defaultText: 'no limit',
    reloads: true,
  },
  logLevel: {
    value: 'LEVEL',
    description: 'the least important level to log: trace, debug, info, warn, error, fatal; silent: nothing',
    allowed: oneOfText(logLevels),
    parse: oneOf(logLevels),
    default: 'info',
    defaultText: 'info',
    reloads: true,
  },
  logDir: {
    value: 'DIR',
    description: 'log to files there, one per process, instead of standard output: `shardctl logs` shows them',
    allowed: 'the path of a directory',
    parse: path,
    default: undefined,
    defaultText: 'standard output',
  },
  logFileBytesMax: {
    value: 'BYTES',
    description: 'rotate a log file that reaches this size; 0: never',
    allowed: 'a size from 0 (no limit) to 65536MiB: bytes, or a number with KiB or MiB',
    parse: byteSize(0, 65_536 * MiB),
    default: 16 * MiB,
    defaultText: '16MiB',
    reloads: true,
  },
  logFilesMax: {
    value: 'N',
    description: 'log files to keep of each process',
    allowed: 'a whole number from 1 to 1000',
    parse: wholeNumber(1, 1_000),
    default: 5,
    defaultText: '5',
    reloads: true,
  },
  accessLog: {
    value: 'WHAT',
    description: 'log every request; keys: with the URL, and therefore the key',
    allowed: oneOfText(accessLogKinds),
    parse: oneOf(accessLogKinds),
    default: 'off',
    defaultText: 'off',
    reloads: true,
  },
  slowMs: {
    value: 'MS',
    description: 'log a warning for each request whose answer takes this long to begin; 0: none',
    allowed: 'a whole number of milliseconds from 0 (of none) to 3600000',
    parse: wholeNumber(0, 3_600_000),
    default: 0,
    defaultText: '0',
    reloads: true,
  },
};

export const settingNames = Object.keys(settings) as (keyof ServiceConfig)[];

/** How many shards a new data directory gets unless `--shards` says so: one a core. */
export function defaultShards(): number {
  return Math.min(Math.max(2, cores), shardsMax);
}

/** How many routers a service has: routers that read by themselves take the cores that shards then have no use for. */
export function routersOf({ routers, reads }: Pick<ServiceConfig, 'routers' | 'reads'>): number {
  return routers ?? defaultRouters[reads];
}

/** `valueBytesMax` → `value-bytes-max` */
export function flagOf(name: keyof ServiceConfig): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `valueBytesMax` → `SHARDLITE_VALUE_BYTES_MAX` */
export function variableOf(name: keyof ServiceConfig): string {
  return `SHARDLITE_${flagOf(name).replaceAll('-', '_').toUpperCase()}`;
}

/** A setting with its value. */
export type SettingValue = { readonly [K in keyof ServiceConfig]: readonly [K, ServiceConfig[K]] }[keyof ServiceConfig];

/** For people: as one would write it in a flag, without passwords. Null where there is no value. */
export function settingText(...[name, value]: SettingValue): string | null {
  if (value === undefined) return null;
  const address = name === 'store' ? redisAddressOf(value) : undefined;
  if (address !== undefined) return redisAddressText(address);
  if (Array.isArray(value)) return value.length === 0 ? null : value.join(',');
  return String(value);
}
