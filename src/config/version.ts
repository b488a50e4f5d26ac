/** Which Shardlite this is. */

import { readFileSync } from 'node:fs';

/** This file is built to dist/src/config. */
const packageFile = new URL('../../../package.json', import.meta.url);

/** Read when it is asked for: tests run this file where it is not built. */
export function versionOfPackage(): string {
  return (JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string }).version;
}
