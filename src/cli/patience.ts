/**
 * Decides how long a command goes on asking a service that does not answer. A killed router or shard is back within
 * seconds, and its restarts are at most 10 s apart: a service that is silent for a minute does not come back by itself.
 */

import { CliFailure, exitCodes } from './exit.ts';
import { endedSentence } from './next-step.ts';

/** Of the `--timeout` of whoever has patience. */
export const patientTimeout = '60s';

const retryDelayMinMs = 100;
const retryDelayMaxMs = 2_000;

export class Patience {
  readonly #patienceMs: number;
  #answeredAtMs = performance.now();

  /** @param patienceMs counted from the last useful answer */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  /** Call it for every useful answer. */
  answered(): void {
    this.#answeredAtMs = performance.now();
  }

  /**
   * Resolves when it is time to ask again: after 100 ms, and twice as long each time, up to 2 s.
   * @param attempt how often this was asked in vain so far, at least 1
   * @param why the last answer, as a sentence
   * @throws CliFailure when there was no useful answer for so long as the patience lasts
   */
  async beforeAsking(attempt: number, why: string): Promise<void> {
    const delayMs = Math.min(retryDelayMinMs * 2 ** (attempt - 1), retryDelayMaxMs);
    if (performance.now() - this.#answeredAtMs + delayMs > this.#patienceMs) {
      throw new CliFailure(
        exitCodes.failed,
        `The service has not answered for ${this.#patienceMs / 1_000} s: ${endedSentence(why)} \`shardctl status\` says what is wrong.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}
