/** Small files that an operator names. */

import { readFileSync, statSync } from 'node:fs';

/**
 * Of a regular file: reading a pipe would wait for whoever writes to it, and nothing else would happen meanwhile. Without
 * the byte order mark that some editors write first.
 */
export function readText(path: string): string {
  if (!statSync(path).isFile()) throw new TypeError(`${path} is not a regular file`);
  return readFileSync(path, 'utf8').replace(/^\ufeff/, '');
}
