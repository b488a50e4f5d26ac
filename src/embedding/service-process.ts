/**
 * The primary of an embedded service. The program that forked it sends the settings, hears when the service is ready, and
 * ends it by closing the channel, on purpose or by dying.
 */

import { logSettingsOf } from '../config/log-settings.ts';
import { ConfigError, readConfig, settingOrigins } from '../config/read-config.ts';
import { Service } from '../primary/service.ts';
import { CannotStart } from '../primary/start-conditions.ts';
import { createLog } from '../supervision/log.ts';

export type MessageFromService =
  | { readonly type: 'ready'; readonly url: string }
  | { readonly type: 'cannot-start'; readonly why: string };

process.once('message', (settings) => void serve(settings as Readonly<Record<string, unknown>>));
// Signals for the whole process group are for the program, which ends the service in its own time.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => {});

async function serve(settings: Readonly<Record<string, unknown>>): Promise<void> {
  let service: Service | undefined;
  process.once('disconnect', () => (service === undefined ? process.exit(0) : void service.stop()));
  try {
    const sources = { flags: settings, environment: {}, file: undefined };
    const config = readConfig(sources);
    const log = await createLog('primary', logSettingsOf(config));
    service = await Service.start(config, () => settingOrigins(sources), log);
    if (!process.connected) void service.stop();
    const status = await Promise.race([service.ready, service.stopped]);
    if (typeof status === 'object') await tell({ type: 'ready', url: status.url });
    process.exit((await service.stopped) === 'asked' ? 0 : 1);
  } catch (error) {
    if (!(error instanceof CannotStart || error instanceof ConfigError)) throw error;
    await tell({ type: 'cannot-start', why: error.message });
    process.exit(1);
  }
}

/** Resolves when the message has left, or nobody is there to take it. */
function tell(message: MessageFromService): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected) process.send?.(message, undefined, undefined, () => resolve());
    else resolve();
  });
}
