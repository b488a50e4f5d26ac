/**
 * Standard output as a place for log lines, whatever it is. It never waits and never fails: a line that is not taken at
 * once, because a disk is full or nobody reads a pipe, is dropped and counted, and the count is told when lines are
 * taken again.
 */

import { fstatSync, writeSync } from 'node:fs';

/** False when the line was not taken. */
type Take = (line: string) => boolean;

/** Of lines that wait for the reader of a pipe. A process that logs more than that in vain has said enough. */
const waitingBytesMax = 1024 * 1024;

export class LogOutput {
  readonly #take: Take;
  readonly #tellLost: (lines: number) => string;
  #lost = 0;
  #told = 0;

  /** @param tellLost the line that says how many lines were lost */
  constructor(tellLost: (lines: number) => string) {
    this.#tellLost = tellLost;
    const stats = fstatSync(process.stdout.fd);
    // Node writes to pipes, sockets and terminals by itself without waiting; to files it waits, and fails for ever.
    this.#take = stats.isFIFO() || stats.isSocket() || process.stdout.isTTY ? takenByStream() : takenByFile();
  }

  /** Lines that were dropped since the start. */
  get lost(): number {
    return this.#lost;
  }

  /** @param line with its line feed */
  write(line: string): void {
    if (this.#told < this.#lost && this.#take(this.#tellLost(this.#lost - this.#told))) this.#told = this.#lost;
    if (this.#told < this.#lost || !this.#take(line)) this.#lost++;
  }
}

function takenByStream(): Take {
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
function takenByFile(): Take {
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
