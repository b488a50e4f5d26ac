/**
 * The settings that hold now and where each came from, and what a reload makes of those that are new on disk: it adopts
 * those that may change while the service runs, and names the others.
 */

import { isDeepStrictEqual } from 'node:util';
import type { SettingView } from '../admin/contract.ts';
import type { SettingOrigin } from '../config/read-config.ts';
import {
  type ServiceConfig,
  type SettingValue,
  type Strategy,
  settings,
  settingText,
} from '../config/service-config.ts';

/** What is on disk and differs from what holds. */
export type NewSettings = {
  /** As they will be when these are adopted. */
  readonly config: ServiceConfig;
  readonly adopted: readonly SettingOrigin[];
  readonly needRestart: readonly SettingOrigin[];
};

/** What a service uses of the settings that have no value of their own. */
export type InUse = {
  readonly strategy: Strategy;
  /** By the data directory. */
  readonly recorded: Partial<ServiceConfig>;
  /** By the service, at its start. */
  readonly chosen: Partial<ServiceConfig>;
};

export class SettingsInForce {
  readonly #read: () => readonly SettingOrigin[];
  #config: ServiceConfig;
  #origins: readonly SettingOrigin[];

  /** @param read reads all settings anew; @throws ConfigError */
  constructor(config: ServiceConfig, read: () => readonly SettingOrigin[]) {
    this.#read = read;
    this.#config = config;
    this.#origins = read();
  }

  get config(): ServiceConfig {
    return this.#config;
  }

  /** Changes nothing yet. @throws ConfigError */
  lookForNew(): NewSettings {
    const changed = this.#read().filter((one, index) => !isDeepStrictEqual(one.value, this.#origins[index]?.value));
    const adopted = changed.filter((one) => isReloadable(one, this.#config));
    const values = Object.fromEntries(adopted.map(({ name, value }) => [name, value]));
    const needRestart = changed.filter((one) => !adopted.includes(one));
    return { config: { ...this.#config, ...values }, adopted, needRestart };
  }

  /** They hold for each process from its next life on. */
  adopt({ config, adopted }: NewSettings): void {
    this.#config = config;
    this.#origins = this.#origins.map((one) => adopted.find(({ name }) => name === one.name) ?? one);
  }

  /** Each setting with the value in use, also where nobody has given one. */
  views({ strategy, recorded, chosen }: InUse): readonly SettingView[] {
    return this.#origins.map(({ name, source }) => {
      const { onlyFor = strategy, reloads = false } = settings[name];
      const isUsed = onlyFor === strategy;
      const isRecorded = isUsed && this.#config[name] === undefined && recorded[name] !== undefined;
      const value = this.#config[name] ?? recorded[name] ?? chosen[name];
      return {
        name,
        value: isUsed ? settingText(...([name, value] as SettingValue)) : null,
        source: isRecorded ? 'data directory' : source,
        reloads,
      };
    });
  }
}

/** Other files of TLS, but not TLS or none: while processes are replaced, all that share the port speak one protocol. */
function isReloadable({ name, value }: SettingOrigin, now: ServiceConfig): boolean {
  if (settings[name].reloads !== true) return false;
  return (name !== 'tlsCert' && name !== 'tlsKey') || (value === undefined) === (now[name] === undefined);
}
