/**
 * Every setting of the service, in one table: its flag, environment variable and JSON field, what it allows,
 * and its default. Flags win over the environment, the environment over the file, the file over the default.
 */

import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { rateLimitPattern } from '../access/rate-limiter.ts';
import { shardsMax } from '../partition/ring.ts';
import { defaultRestartPolicy } from '../supervision/child-state.ts';
import { logLevels } from '../supervision/log.ts';
import { unknownVariable } from './environment.ts';
import { redisAddressOf, redisAddressText } from './redis-address.ts';

/** How processes share the data. docs/strategies.md says when to take which. */
const strategies = ['partitioned', 'cloned', 'single'] as const;
export type Strategy = (typeof strategies)[number];

/** Whether files of an older version are kept as they were before they are upgraded. */
const upgradeCopies = ['keep', 'none'] as const;

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

const MiB = 1024 * 1024;
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
    description: 'address to listen on; beyond loopback with tokens, --jwt-keys or --open',
    allowed: 'an address or host name of this machine',
    parse: (raw) => (typeof raw === 'string' && /^[\w.:%-]+$/.test(raw) ? raw : undefined),
    default: '127.0.0.1',
    defaultText: '127.0.0.1',
  },
  adminPort: {
    value: 'PORT',
    description: 'port of metrics and the page for operators, on loopback alone; off: neither',
    allowed: 'a whole number from 0 (any free port) to 65535, or off',
    parse: (raw) => (raw === 'off' ? raw : wholeNumber(0, 65_535)(raw)),
    default: undefined,
    defaultText: 'the one after --port, so 7701; any free one where that is taken',
  },
  strategy: {
    value: 'NAME',
    description: 'partitioned: shards with a file each; cloned: processes that share one file; single: one process',
    allowed: oneOfText(strategies),
    parse: (raw) => strategies.find((name) => name === raw),
    default: undefined,
    defaultText: 'partitioned in a new data directory, later as it was',
  },
  shards: {
    value: 'N',
    description: 'shards of a new data directory',
    allowed: `a whole number from 1 to ${shardsMax}`,
    parse: wholeNumber(1, shardsMax),
    default: undefined,
    defaultText: `one a core, at least 2: here ${defaultShards()}`,
    onlyFor: 'partitioned',
  },
  routers: {
    value: 'N',
    description: 'router processes',
    allowed: `a whole number from 1 to ${routersMax}`,
    parse: wholeNumber(1, routersMax),
    default: undefined,
    defaultText: `half the cores, at least 1: here ${defaultRouters.forwarded}; with direct reads one a core: ${defaultRouters.direct}`,
    onlyFor: 'partitioned',
    reloads: true,
  },
  reads: {
    value: 'WAY',
    description: "forwarded: a shard reads its keys; direct: routers read single keys from the shards' files",
    allowed: oneOfText(readWays),
    parse: (raw) => readWays.find((name) => name === raw),
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
    defaultText: `one a core, at least 2: here ${defaultClones}`,
    onlyFor: 'cloned',
    reloads: true,
  },
  store: {
    value: 'STORE',
    description: 'what clones share: sqlite, a file in the data directory, or a Redis or Valkey server or Cluster',
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
  },
  bodyMemoryBytesMax: {
    value: 'BYTES',
    description: 'what bodies of requests and answers may take of the memory of each router or clone',
    // The largest batch must fit.
    allowed: 'a size from 16MiB to 65536MiB: bytes, or a number with KiB or MiB',
    parse: byteSize(16 * MiB, 65_536 * MiB),
    default: 256 * MiB,
    defaultText: '256MiB',
    reloads: true,
  },
  reserveBytes: {
    value: 'BYTES',
    description: 'room of the disk that is kept for deletes when it is full',
    allowed: 'a size from 0 (none) to 1024MiB: bytes, or a number with KiB or MiB',
    parse: byteSize(0, 1_024 * MiB),
    default: 16 * MiB,
    defaultText: '16MiB, at most a quarter of the disk',
  },
  allowedHosts: {
    value: 'NAMES',
    description: 'further host names that requests may use, comma-separated; * for any',
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
    defaultText: 'none but its own',
    reloads: true,
  },
  upgradeCopies: {
    value: 'COPIES',
    description: 'what becomes of files of an older version as they were before their upgrade',
    allowed: oneOfText(upgradeCopies),
    parse: (raw) => upgradeCopies.find((name) => name === raw),
    default: 'keep',
    defaultText: 'keep, beside the upgraded files',
  },
  open: {
    value: undefined,
    description: 'let everybody in who reaches the service, also beyond loopback',
    allowed: 'true or false',
    parse: (raw) => (raw === true || raw === 'true' ? true : raw === false || raw === 'false' ? false : undefined),
    default: false,
    defaultText: 'false',
  },
  jwtKeys: {
    value: 'FILE',
    description: 'JSON Web Key Set: tokens signed with one of its keys (HS256, RS256, ES256, EdDSA) count',
    allowed: 'the path of a file',
    parse: path,
    default: undefined,
    defaultText: 'none',
  },
  jwtAudiences: {
    value: 'NAMES',
    description: 'audiences of JSON Web Tokens that count here, comma-separated',
    allowed: 'names without commas or spaces, separated by commas',
    parse: listOfTexts((text) => /^[^\s,]{1,255}$/.test(text)),
    default: [],
    defaultText: 'tokens without an audience',
  },
  tlsCert: {
    value: 'FILE',
    description: 'certificate (PEM, with its chain): HTTPS is spoken in place of HTTP',
    allowed: 'the path of a file',
    parse: path,
    default: undefined,
    defaultText: 'none',
  },
  tlsKey: {
    value: 'FILE',
    description: 'private key (PEM) of the certificate',
    allowed: 'the path of a file',
    parse: path,
    default: undefined,
    defaultText: 'none',
  },
  rateLimit: {
    value: 'N/UNIT',
    description: 'requests that each token or address may make at each router or clone',
    allowed: 'a whole number from 1 and /s, /m or /h, like 1000/s',
    parse: (raw) => (typeof raw === 'string' && rateLimitPattern.test(raw) ? raw : undefined),
    default: undefined,
    defaultText: 'none',
  },
  healthyAfterMs: {
    value: 'MS',
    description: 'a process that served this long is healthy, and its earlier deaths are forgotten',
    allowed: 'a whole number of milliseconds from 100 to 3600000',
    parse: wholeNumber(100, 3_600_000),
    default: defaultRestartPolicy.healthyAfterMs,
    defaultText: String(defaultRestartPolicy.healthyAfterMs),
  },
  failedRetryMs: {
    value: 'MS',
    description: 'a process that keeps dying has failed, and is tried again this often',
    allowed: 'a whole number of milliseconds from 100 to 3600000',
    parse: wholeNumber(100, 3_600_000),
    default: defaultRestartPolicy.failedRetryMs,
    defaultText: String(defaultRestartPolicy.failedRetryMs),
  },
  failedExitMs: {
    value: 'MS',
    description: 'the service ends with exit code 1 when all its shards, or all its routers, have failed for so long',
    allowed: 'a whole number of milliseconds from 0 (never) to 86400000',
    parse: wholeNumber(0, 86_400_000),
    default: 300_000,
    defaultText: '300000',
  },
  memoryMax: {
    value: 'BYTES',
    description: 'a process that takes more memory than this for 30 s is reloaded, one at a time',
    allowed: 'a size from 128MiB to 1048576MiB: bytes, or a number with KiB or MiB',
    parse: byteSize(128 * MiB, 1_048_576 * MiB),
    default: undefined,
    defaultText: 'no limit',
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

/** For people: as one would write it in a flag, without passwords. */
export function settingText(name: keyof ServiceConfig, config: ServiceConfig): string {
  const value = config[name];
  if (value === undefined) return settings[name].defaultText;
  const address = name === 'store' ? redisAddressOf(config.store) : undefined;
  if (address !== undefined) return redisAddressText(address);
  return Array.isArray(value) ? value.join(',') : String(value);
}

/** A setting is wrong. The message names it and says what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

export type ConfigSources = {
  /** Flags as they were typed, by the name of their setting. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly environment: NodeJS.ProcessEnv;
  /** Path of a JSON file with settings, if there is one. */
  readonly file: string | undefined;
};

/** @throws ConfigError also for an unknown variable, and for a setting that the strategy does not use */
export function readConfig(sources: ConfigSources): ServiceConfig {
  checkEnvironment(sources.environment);
  const given = givenIn(sources);
  const entries = settingNames.map((name) => [name, given.get(name)?.value ?? settings[name].default]);
  const config = Object.fromEntries(entries) as ServiceConfig;
  const useless = config.strategy && uselessSetting(sources, config.strategy);
  if (useless !== undefined) throw new ConfigError(useless);
  return config;
}

export type SettingOrigin = {
  readonly name: keyof ServiceConfig;
  readonly value: ServiceConfig[keyof ServiceConfig];
  /** e.g. `--port`, `SHARDLITE_PORT`, `"port" in shardlite.json`, `default` */
  readonly source: string;
};

/** Every setting, and where its value came from. @throws ConfigError */
export function settingOrigins(sources: ConfigSources): SettingOrigin[] {
  const given = givenIn(sources);
  const config = readConfig(sources);
  return settingNames.map((name) => ({ name, value: config[name], source: given.get(name)?.source ?? 'default' }));
}

/**
 * Says in one sentence which setting somebody has given and the strategy does not use; undefined when there is none.
 * Whoever gives `--routers` to clones expects processes that will never start. Which strategy it is, only the data
 * directory may know.
 */
export function uselessSetting(sources: ConfigSources, strategy: Strategy): string | undefined {
  for (const [name, { raw, source }] of givenIn(sources)) {
    const { onlyFor } = settings[name];
    if (onlyFor === undefined || onlyFor === strategy) continue;
    return `${source} is ${JSON.stringify(raw)}, which the ${strategy} strategy has no use for: leave it out.`;
  }
  return undefined;
}

/** A setting that somebody has given, and where. */
type Given = { readonly value: unknown; readonly raw: unknown; readonly source: string };

/** @throws ConfigError when one is wrong */
function givenIn({ flags, environment, file }: ConfigSources): Map<keyof ServiceConfig, Given> {
  const fields = file === undefined ? {} : fieldsOfFile(file);
  const given = new Map<keyof ServiceConfig, Given>();
  for (const name of settingNames) {
    const found =
      parsed(name, flags[name], `--${flagOf(name)}`) ??
      parsed(name, environment[variableOf(name)], variableOf(name)) ??
      parsed(name, fields[name], `"${name}" in ${file}`);
    if (found !== undefined) given.set(name, found);
  }
  return given;
}

function parsed(name: keyof ServiceConfig, raw: unknown, source: string): Given | undefined {
  if (raw === undefined) return undefined;
  const value = settings[name].parse(raw);
  if (value === undefined) throw wrongValue(source, raw, settings[name].allowed);
  return { value, raw, source };
}

function wrongValue(source: string, raw: unknown, allowed: string): ConfigError {
  return new ConfigError(`${source} is ${JSON.stringify(raw)}, but must be ${allowed}.`);
}

/**
 * Variables that are no settings. Every process reads the log level from the environment that it inherits; the token is
 * for commands that go over REST.
 */
const otherVariables = ['SHARDLITE_CONFIG', 'SHARDLITE_LOG_LEVEL', 'SHARDLITE_TOKEN', 'SHARDLITE_URL'];

function checkEnvironment(environment: NodeJS.ProcessEnv): void {
  const unknown = unknownVariable(environment, [...settingNames.map(variableOf), ...otherVariables]);
  if (unknown !== undefined) throw new ConfigError(unknown);
  const level = environment['SHARDLITE_LOG_LEVEL'];
  if (level !== undefined && !logLevels.some((one) => one === level)) {
    throw wrongValue('SHARDLITE_LOG_LEVEL', level, oneOfText(logLevels));
  }
}

function oneOfText(texts: readonly string[]): string {
  return texts.join(', ').replace(/, (\w+)$/, ' or $1');
}

function fieldsOfFile(file: string): Record<string, unknown> {
  let fields: unknown;
  try {
    fields = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new ConfigError(`The configuration file ${file} cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new ConfigError(`The configuration file ${file} must hold one JSON object.`);
  }
  const unknown = Object.keys(fields).find((field) => !Object.hasOwn(settings, field));
  if (unknown !== undefined) {
    throw new ConfigError(`"${unknown}" in ${file} is no setting; there are ${settingNames.join(', ')}.`);
  }
  return fields as Record<string, unknown>;
}

function wholeNumber(min: number, max: number): (raw: unknown) => number | undefined {
  return (raw) => {
    const value = typeof raw === 'string' && /^\d+$/.test(raw) ? Number(raw) : raw;
    return Number.isInteger(value) && (value as number) >= min && (value as number) <= max
      ? (value as number)
      : undefined;
  };
}

function path(raw: unknown): string | undefined {
  return typeof raw === 'string' && raw !== '' ? raw : undefined;
}

function byteSize(min: number, max: number): (raw: unknown) => number | undefined {
  const units: Record<string, number> = { '': 1, b: 1, kib: 1024, mib: MiB };
  return (raw) => {
    if (typeof raw !== 'string' && typeof raw !== 'number') return undefined;
    const match = /^(\d+)\s*([a-z]*)$/i.exec(String(raw));
    const unit = units[match?.[2]?.toLowerCase() ?? ''];
    if (match === null || unit === undefined) return undefined;
    return wholeNumber(min, max)(Number(match[1]) * unit);
  };
}

/** Of JSON a list, elsewhere a text with commas. */
function listOfTexts(isAllowed: (text: string) => boolean): (raw: unknown) => readonly string[] | undefined {
  return (raw) => {
    const texts = typeof raw === 'string' ? raw.split(',').map((text) => text.trim()) : raw;
    return Array.isArray(texts) && texts.every((text) => typeof text === 'string' && isAllowed(text))
      ? texts
      : undefined;
  };
}
