/**
 * The one way of commands to standard output. What cannot be written there (a full disk) makes the command fail, once its
 * work is done. A reader that wants no more, as `head`, is no failure: what is left to say is dropped.
 */

import { CliFailure, exitCodes } from './exit.ts';

let lastWrite: Promise<unknown> = Promise.resolve();
let failure: unknown;

export function printLine(text: string): void {
  print(`${text}\n`);
}

/** Exactly these characters or bytes. `allPrinted` tells whether they could be written. */
export function print(text: string | Uint8Array): void {
  lastWrite = write(text).catch((error: unknown) => {
    failure ??= error;
  });
}

/**
 * As fast as they are read. A reader that has gone ends them.
 * @returns whether all of them were wanted
 * @throws CliFailure where one cannot be written
 */
export async function printAll(pieces: AsyncIterable<string | Uint8Array>): Promise<boolean> {
  for await (const piece of pieces) if (!(await write(piece))) return false;
  return true;
}

/** Resolves when everything is written that was printed. @throws CliFailure where something could not be */
export async function allPrinted(): Promise<void> {
  await lastWrite;
  if (failure !== undefined) throw failure;
}

/** Resolves to false where the reader has gone. */
function write(text: string | Uint8Array): Promise<boolean> {
  const { stdout } = process;
  // The callback tells of each error; one that nobody listened for would end the process.
  stdout.off('error', ignored).on('error', ignored);
  return new Promise((resolve, reject) => {
    stdout.write(text, (error) => {
      if (error === null || error === undefined) return resolve(true);
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') return resolve(false);
      const why = `Standard output could not be written: ${error.message}.`;
      const rest = 'Whatever else the command does is done. Free some room, or write elsewhere.';
      reject(new CliFailure(exitCodes.failed, `${why} ${rest}`, { cause: error }));
    });
  });
}

function ignored(): void {}
