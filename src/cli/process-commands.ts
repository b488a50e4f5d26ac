/** `shardctl stop`. */

import { askService, ServiceUnreachable, statusOfService } from '../admin/admin-client.ts';
import { promiseKept } from '../admin/contract.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { printLine } from './output.ts';

/** Twice the 5 s in which a service promises to drain. */
const stopDeadlineMs = 10_000;
const pollIntervalMs = 20;

export async function stopCommand({ data }: { data: string }): Promise<void> {
  // Asked before: a service that stops answers nothing.
  const promise = promiseKept(await statusOfService(data));
  await askService(data, 'POST', '/v1/stop');
  const startedAtMs = performance.now();
  while (await isRunning(data)) {
    if (performance.now() - startedAtMs > stopDeadlineMs) {
      throw new CliFailure(
        exitCodes.failed,
        `The service is still stopping after ${stopDeadlineMs / 1_000} s. Its log says what it waits for. Wait, or kill it: acknowledged writes are safe.`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, pollIntervalMs));
  }
  const tookS = ((performance.now() - startedAtMs) / 1_000).toFixed(1);
  printLine(`Stopped in ${tookS} s. ${promise}`);
}

/** A stopping service closes its admin socket last. */
async function isRunning(data: string): Promise<boolean> {
  try {
    await askService(data, 'GET', '/v1/status');
    return true;
  } catch (error) {
    if (error instanceof ServiceUnreachable) return false;
    throw error;
  }
}
