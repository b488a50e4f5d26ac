/**
 * Reads all settings: flags win over the environment, the environment over the file, the file over the default. What is
 * wrong is refused with its source, what stood there, and what is allowed.
 */

import { unknownVariable } from './environment.ts';
import { readText } from './read-text.ts';
import { flagOf, type ServiceConfig, type Strategy, settingNames, settings, variableOf } from './service-config.ts';

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
  return read(sources).config;
}

export type SettingOrigin = {
  readonly name: keyof ServiceConfig;
  readonly value: ServiceConfig[keyof ServiceConfig];
  /** e.g. `--port`, `SHARDLITE_PORT`, `"port" in shardlite.json`, `default` */
  readonly source: string;
};

/** Every setting, and where its value came from. @throws ConfigError */
export function settingOrigins(sources: ConfigSources): SettingOrigin[] {
  const { given, config } = read(sources);
  return settingNames.map((name) => ({ name, value: config[name], source: given.get(name)?.source ?? 'default' }));
}

/**
 * Says in one sentence which setting somebody has given and the strategy does not use; undefined when there is none.
 * Whoever gives `--routers` to clones expects processes that will never start. Which strategy it is, only the data
 * directory may know.
 */
export function uselessSetting(sources: ConfigSources, strategy: Strategy): string | undefined {
  return uselessIn(givenIn(sources), strategy);
}

function uselessIn(given: GivenSettings, strategy: Strategy): string | undefined {
  for (const [name, { raw, source }] of given) {
    const { onlyFor } = settings[name];
    if (onlyFor === undefined || onlyFor === strategy) continue;
    return `${source} is ${JSON.stringify(raw)}, but the ${strategy} strategy does not use it. Leave it out.`;
  }
  return undefined;
}

/** A setting that somebody has given, and where. */
type Given = { readonly value: unknown; readonly raw: unknown; readonly source: string };

type GivenSettings = ReadonlyMap<keyof ServiceConfig, Given>;

/** @throws ConfigError */
function read(sources: ConfigSources): { readonly given: GivenSettings; readonly config: ServiceConfig } {
  checkEnvironment(sources.environment);
  const given = givenIn(sources);
  const entries = settingNames.map((name) => [name, given.get(name)?.value ?? settings[name].default]);
  const config = Object.fromEntries(entries) as ServiceConfig;
  const useless = config.strategy && uselessIn(given, config.strategy);
  if (useless !== undefined) throw new ConfigError(useless);
  return { given, config };
}

/** @throws ConfigError when one is wrong */
function givenIn({ flags, environment, file }: ConfigSources): GivenSettings {
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

/** Variables that are no settings; the token is for commands that go over REST. */
const otherVariables = ['SHARDLITE_CONFIG', 'SHARDLITE_TOKEN', 'SHARDLITE_URL'];

function checkEnvironment(environment: NodeJS.ProcessEnv): void {
  const unknown = unknownVariable(environment, [...settingNames.map(variableOf), ...otherVariables]);
  if (unknown !== undefined) throw new ConfigError(unknown);
}

function fieldsOfFile(file: string): Record<string, unknown> {
  let fields: unknown;
  try {
    fields = JSON.parse(readText(file));
  } catch (error) {
    throw new ConfigError(
      `The configuration file ${file} cannot be read: ${(error as Error).message}. It must contain one JSON object, such as {"port": 7700}.`,
      {
        cause: error,
      },
    );
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new ConfigError(`The configuration file ${file} must contain one JSON object, such as {"port": 7700}.`);
  }
  const unknown = Object.keys(fields).find((field) => !Object.hasOwn(settings, field));
  if (unknown !== undefined) {
    throw new ConfigError(`"${unknown}" in ${file} is not a setting. The settings are ${settingNames.join(', ')}.`);
  }
  return fields as Record<string, unknown>;
}
