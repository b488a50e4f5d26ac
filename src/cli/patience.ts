/**
 * How long a command goes on asking a service that gives nothing. A router or shard that was killed is back within
 * seconds, and the delay between its restarts is 10 s at most; what stays away for a minute will not come by itself.
 */

import { CliFailure, exitCodes } from './exit.ts';

/** Without a single answer that is worth something. */
const patienceMs = 60_000;
const retryDelayMinMs = 100;
const retryDelayMaxMs = 2_000;

export class Patience {
  #answeredAtMs = performance.now();

  /** The service has done something of what was asked. */
  answered(): void {
    this.#answeredAtMs = performance.now();
  }

  /**
   * Resolves when it is time to ask again.
   * @param attempt how often this was asked in vain, from 1
   * @param why the last answer, as a sentence
   * @throws CliFailure when patience is at its end
   */
  async beforeAsking(attempt: number, why: string): Promise<void> {
    if (performance.now() - this.#answeredAtMs > patienceMs) {
      throw new CliFailure(exitCodes.failed, `The service has given nothing for ${patienceMs / 1_000} s: ${why}`);
    }
    const delayMs = Math.min(retryDelayMinMs * 2 ** (attempt - 1), retryDelayMaxMs);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}
