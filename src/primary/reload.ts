/**
 * Replaces processes by new ones with the code and settings that are on disk now, one at a time. The first that does not
 * come up ends it: what was not replaced yet stays as it is. Settings, tokens, keys and certificates are read before
 * anything changes: one that is wrong changes nothing.
 */

import type { ReloadReport } from '../admin/contract.ts';
import { logSettingsOf } from '../config/log-settings.ts';
import type { SettingOrigin } from '../config/read-config.ts';
import { ChangeRefused } from '../rebalance/change-refused.ts';
import { adoptLogSettings, type ProcessLog } from '../supervision/log.ts';
import type { Outcome, SupervisedChild } from '../supervision/supervised-child.ts';
import type { Supervisor } from '../supervision/supervisor.ts';
import type { AccessBook } from './access-book.ts';
import type { SettingsInForce } from './settings-in-force.ts';

export type ReloadOptions = {
  readonly supervisor: Supervisor;
  readonly settings: SettingsInForce;
  readonly access: AccessBook;
  readonly log: ProcessLog;
};

/** What became of the processes. */
type Replaced = Pick<ReloadReport, 'reloaded' | 'stoppedAt'>;

export class Reload {
  readonly #supervisor: Supervisor;
  readonly #settings: SettingsInForce;
  readonly #access: AccessBook;
  readonly #log: ProcessLog;
  #isUnderWay = false;

  constructor({ supervisor, settings, access, log }: ReloadOptions) {
    this.#supervisor = supervisor;
    this.#settings = settings;
    this.#access = access;
    this.#log = log;
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /**
   * @param what `all`, `routers`, `clones`, `shards`, or the name of a process
   * @throws ChangeRefused, ConfigError, AccessRefused, all before anything has changed
   */
  run(what: string): Promise<ReloadReport> {
    const children = this.#named(what);
    return this.#alone(async () => {
      const settings = await this.#adoptSettings();
      return { ...(await this.#oneByOne(children, what)), ...settings };
    });
  }

  /** One process, with the settings that hold: nothing is read anew. @throws ChangeRefused */
  replace(name: string): Promise<Replaced> {
    return this.#alone(() => this.#oneByOne(this.#named(name), name));
  }

  /** Who may come in, and the certificate, hold at once; the rest for each process from its next life on. */
  async #adoptSettings(): Promise<Pick<ReloadReport, 'adopted' | 'needRestart'>> {
    const found = this.#settings.lookForNew();
    await this.#access.reload(found.config);
    this.#settings.adopt(found);
    adoptLogSettings(this.#log, logSettingsOf(found.config));
    const namesOf = (some: readonly SettingOrigin[]) => some.map(({ name }) => name);
    return { adopted: namesOf(found.adopted), needRestart: namesOf(found.needRestart) };
  }

  async #alone<T>(run: () => Promise<T>): Promise<T> {
    if (this.#isUnderWay) throw new ChangeRefused('A reload is under way. Wait until it ends.');
    this.#isUnderWay = true;
    try {
      return await run();
    } finally {
      this.#isUnderWay = false;
    }
  }

  async #oneByOne(children: readonly SupervisedChild[], what: string): Promise<Replaced> {
    const reloaded: string[] = [];
    for (const child of children) {
      const { name } = child.spec;
      const beganAtMs = performance.now();
      const outcome = await this.#replace(child);
      if (!outcome.isReady) {
        this.#log.error({ child: name }, `the reload stops at ${name}: ${outcome.why}`);
        return { reloaded, stoppedAt: { process: name, why: outcome.why } };
      }
      reloaded.push(name);
      this.#log.info({ child: name }, `${name} was reloaded in ${Math.round(performance.now() - beganAtMs)} ms`);
    }
    const isOfFrontends = what === 'all' || what === 'routers' || what === 'clones';
    const added: Outcome = isOfFrontends ? await this.#supervisor.addFrontends() : { isReady: true };
    return { reloaded, stoppedAt: added.isReady ? null : { process: 'a new one', why: added.why } };
  }

  #named(what: string): readonly SupervisedChild[] {
    const { frontends, shards } = this.#supervisor;
    if (what === 'all') return [...frontends, ...shards];
    if (what === 'shards') return shards;
    if (what === 'routers' || what === 'clones') return frontends;
    const child = this.#supervisor.children.find(({ spec }) => spec.name === what);
    if (child === undefined)
      throw new ChangeRefused(`There is no process ${what}. \`shardctl status\` lists all processes.`);
    return [child];
  }

  #replace(child: SupervisedChild): Promise<Outcome> {
    if (child.state === 'ready') return this.#supervisor.replace(child);
    // Whatever comes next of it has the new code and settings.
    const outcome = child.outcome();
    child.restart();
    if (child.state !== 'silent') return outcome;
    return Promise.resolve({ isReady: false, why: 'it does not answer' });
  }
}
