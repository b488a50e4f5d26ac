/** What the settings say of the logs of all processes. */

import { resolve } from 'node:path';
import type { LogSettings } from '../supervision/log.ts';
import type { ServiceConfig } from './service-config.ts';

export function logSettingsOf({ logLevel, logDir, logFileBytesMax, logFilesMax }: ServiceConfig): LogSettings {
  if (logDir === undefined) return { level: logLevel, files: null };
  return {
    level: logLevel,
    files: { directory: resolve(logDir), fileBytesMax: logFileBytesMax, filesMax: logFilesMax },
  };
}
