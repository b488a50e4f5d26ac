/** Standard output as a place for log lines, whatever it is: it takes a line at once, or not at all. */

import { fstatSync, writeSync } from 'node:fs';
import type { LogPlace } from './log-output.ts';

/** Of lines that wait for the reader of a pipe. A process that logs more than that in vain has said enough. */
const waitingBytesMax = 1024 * 1024;

export function standardOutput(): LogPlace {
  const stats = fstatSync(process.stdout.fd);
  // Node writes to pipes, sockets and terminals by itself without waiting; to files it waits, and fails for ever.
  const take = stats.isFIFO() || stats.isSocket() || process.stdout.isTTY ? takenByStream() : takenByFile();
  return { take, lost: 0 };
}

function takenByStream(): LogPlace['take'] {
  let isBroken = false;
  // Whoever read it has gone: the service goes on.
  process.stdout.on('error', () => {
    isBroken = true;
  });
  return (line) => {
    if (isBroken || process.stdout.writableLength + line.length > waitingBytesMax) return false;
    process.stdout.write(line);
    return true;
  };
}

/** A regular file or a device, which takes or refuses at once. */
function takenByFile(): LogPlace['take'] {
  let isLineBegun = false;
  return (line) => {
    const bytes = Buffer.from(isLineBegun ? `\n${line}` : line);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(process.stdout.fd, bytes, written);
    } catch {
      // No room, or no such file any more.
    }
    // A part of it stands there: what comes next must not be taken for its rest.
    if (written > 0) isLineBegun = written < bytes.length;
    return written === bytes.length;
  };
}
