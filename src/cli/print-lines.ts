/** Writes lines to standard output, as fast as they are read there. */

import { once } from 'node:events';
import { exitCodes } from './exit.ts';

/** Ends the process where the reader wants no more, as `head` does. */
export async function printLines(lines: AsyncIterable<string>): Promise<void> {
  process.stdout.off('error', endWithReader).on('error', endWithReader);
  for await (const line of lines) {
    if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain');
  }
}

function endWithReader({ code }: NodeJS.ErrnoException): void {
  if (code === 'EPIPE') process.exit(exitCodes.done);
}
