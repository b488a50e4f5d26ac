/**
 * Opens what `shardctl import` and `put` read. A regular file can be read again from any byte on. Everything else that a shell
 * can name (standard input, a pipe, `<(zcat x)`) is read once, from its beginning.
 */

import { createReadStream, type Stats, statSync } from 'node:fs';
import { CliFailure, exitCodes } from './exit.ts';

export type InputSource = {
  /** Undefined when it is no regular file. */
  readonly file: { readonly path: string; readonly bytes: number } | undefined;
  /**
   * @param fromByte 0 unless it is a regular file
   * @throws CliFailure while reading
   */
  readonly read: (fromByte: number) => AsyncIterable<Uint8Array>;
};

/** All of them mean standard input. Opening them by name fails when it is a socket. */
const namesOfInput: readonly (string | undefined)[] = [undefined, '-', '/dev/stdin', '/dev/fd/0', '/proc/self/fd/0'];

const readBytes = 256 * 1024;

/** @throws CliFailure when there is no file of this name, or a directory */
export function inputSourceOf(name: string | undefined): InputSource {
  if (name === undefined || namesOfInput.includes(name)) {
    return { file: undefined, read: () => readable('Standard input', process.stdin) };
  }
  const what = `The file ${name}`;
  const stats = statsOf(name, what);
  if (stats.isDirectory()) throw new CliFailure(exitCodes.failed, `${name} is a directory. Name a file in it.`);
  return {
    file: stats.isFile() ? { path: name, bytes: stats.size } : undefined,
    // With a start Node reads by position, which pipes refuse with ESPIPE.
    read: (fromByte) =>
      readable(what, createReadStream(name, { highWaterMark: readBytes, ...(stats.isFile() && { start: fromByte }) })),
  };
}

function statsOf(name: string, what: string): Stats {
  try {
    return statSync(name);
  } catch (error) {
    throw unreadable(what, error);
  }
}

async function* readable(what: string, stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    throw unreadable(what, error);
  }
}

function unreadable(what: string, error: unknown): CliFailure {
  return new CliFailure(
    exitCodes.failed,
    `${what} cannot be read: ${(error as Error).message}. Name a file that you may read.`,
    { cause: error },
  );
}
