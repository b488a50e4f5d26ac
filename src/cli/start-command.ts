/** `shardctl start`: this very process becomes the primary. The only command that brings a service into being. */

import { readConfig } from '../config/service-config.ts';
import { CannotStart, startService } from '../primary/service.ts';
import { createLog } from '../process/log.ts';
import { exitCodes } from './exit.ts';
import { bannerOf } from './start-banner.ts';

export async function startCommand({ config: file, ...flags }: Record<string, unknown>): Promise<void> {
  const config = readConfig({
    flags,
    environment: process.env,
    file: (file as string | undefined) ?? process.env['SHARDLITE_CONFIG'],
  });
  const log = await createLog('primary');
  try {
    const service = await startService(config, log);
    let asked = 0;
    const onSignal = (signal: NodeJS.Signals) => {
      // Whoever asks twice does not want to wait. The children end with this process.
      if (++asked > 1) process.exit(exitCodes.failed);
      log.info(`${signal}: draining; once more to stop at once`);
      void service.stop();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);

    const outcome = await Promise.race([service.ready, service.stopped]);
    if (outcome !== undefined) {
      if (process.stdout.isTTY) process.stdout.write(bannerOf(outcome));
      else log.info({ event: 'service-ready', url: outcome.url, data: outcome.data }, `serving at ${outcome.url}`);
    }
    await service.stopped;
    log.info('stopped: every acknowledged write is on disk');
    process.exit(exitCodes.done);
  } catch (error) {
    if (!(error instanceof CannotStart)) throw error;
    console.error(`shardctl: ${error.message}`);
    process.exit(exitCodes.failed);
  }
}
