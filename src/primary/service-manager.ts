/**
 * Tells systemd how the service stands (sd_notify). Its datagrams go over a kind of socket that Node does not have, so
 * `systemd-notify` sends them, which is there wherever systemd is: three or four small processes in a life, and one in
 * each half of the watchdog's time.
 */

import { spawn } from 'node:child_process';
import { every, systemClock, type Timer } from '../ports/clock.ts';
import type { ProcessLog } from '../supervision/log.ts';

export class ServiceManager {
  readonly #log: ProcessLog;
  #beats: Timer | undefined;
  #isTold = true;

  private constructor(log: ProcessLog) {
    this.#log = log;
  }

  /** Undefined where nobody wants to know. */
  static of(environment: NodeJS.ProcessEnv, log: ProcessLog): ServiceManager | undefined {
    return environment['NOTIFY_SOCKET'] === undefined ? undefined : new ServiceManager(log);
  }

  /** Call it when the service serves. From then on a watchdog hears that this event loop turns. */
  ready(url: string, environment: NodeJS.ProcessEnv): void {
    this.#tell('--ready', `--status=serves at ${url}`);
    const watchdogUs = Number(environment['WATCHDOG_USEC'] ?? 0);
    if (watchdogUs > 0) this.#beats = every(systemClock, watchdogUs / 2_000, () => this.#tell('WATCHDOG=1'));
  }

  stopping(): void {
    this.#beats?.cancel();
    this.#tell('--status=drains', 'STOPPING=1');
  }

  #tell(...words: string[]): void {
    const child = spawn('systemd-notify', words, { stdio: 'ignore' });
    child.on('error', (error) => {
      if (this.#isTold)
        this.#log.warn(`systemd hears nothing of this service: systemd-notify cannot be run (${error.message})`);
      this.#isTold = false;
    });
  }
}
