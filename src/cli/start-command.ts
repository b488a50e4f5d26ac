/** `shardctl start`: this process becomes the primary. No other command starts a service. */

import { promiseKept, type ServiceStatus } from '../admin/contract.ts';
import { logSettingsOf } from '../config/log-settings.ts';
import { type ConfigSources, readConfig, settingOrigins, uselessSetting } from '../config/read-config.ts';
import type { ServiceConfig } from '../config/service-config.ts';
import { Service } from '../primary/service.ts';
import { ServiceManager } from '../primary/service-manager.ts';
import { CannotStart } from '../primary/start-conditions.ts';
import { createLog, type ProcessLog } from '../supervision/log.ts';
import { standardOutput } from '../supervision/standard-output.ts';
import { exitCodes } from './exit.ts';
import { print } from './output.ts';
import { bannerOf } from './start-banner.ts';

export async function startCommand({ config: file, ...flags }: Record<string, unknown>): Promise<void> {
  const sources: ConfigSources = {
    flags,
    environment: process.env,
    file: (file as string | undefined) ?? process.env['SHARDLITE_CONFIG'],
  };
  const config = readConfig(sources);
  // What `ps` shows.
  process.title = 'shardlite primary';
  const log = await createLog('primary', logSettingsOf(config));
  let service: Service | undefined;
  let signals = 0;
  const manager = ServiceManager.of(process.env, log);
  const onSignal = (signal: NodeJS.Signals) => {
    // A second signal means now. The children end with this process.
    if (++signals > 1) process.exit(exitCodes.failed);
    log.info(`${signal}: draining; send it again to stop at once`);
    manager?.stopping();
    void service?.stop();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('SIGHUP', () => void reload(service, log));
  process.on('SIGUSR2', () => service?.reopenLogs());

  try {
    service = await Service.start(config, () => settingOrigins(sources), log);
    const useless = uselessSetting(sources, service.status().strategy);
    if (useless !== undefined) log.warn(useless);
    // A signal may have come before there was anything to stop.
    if (signals > 0) void service.stop();
    const status = await Promise.race([service.ready, service.stopped]);
    if (typeof status === 'object') {
      announce(status, log, config);
      manager?.ready(status.url, process.env);
    }
    const end = await service.stopped;
    log.info(`stopped. ${promiseKept(service)}`);
    process.exit(end === 'asked' ? exitCodes.done : exitCodes.failed);
  } catch (error) {
    if (!(error instanceof CannotStart)) throw error;
    console.error(`shardctl: ${error.message}`);
    process.exit(exitCodes.failed);
  }
}

/** What becomes of each process is logged where it happens. */
async function reload(service: Service | undefined, log: ProcessLog): Promise<void> {
  try {
    const report = await service?.reload('all');
    if (report !== undefined) log.info(report, 'SIGHUP: reloaded');
  } catch (error) {
    log.warn(`SIGHUP: not reloaded. ${(error as Error).message}`);
  }
}

/** On standard output in any case: whoever has started it waits for that. */
function announce(status: ServiceStatus, log: ProcessLog, { logDir }: ServiceConfig): void {
  const { url, adminUrl, data } = status;
  const facts = { event: 'service-ready', url, adminUrl, data };
  if (process.stdout.isTTY) print(bannerOf(status));
  else if (logDir !== undefined) standardOutput().take(`${JSON.stringify(facts)}\n`);
  if (!process.stdout.isTTY || logDir !== undefined) log.info(facts, `serving at ${url}`);
}
