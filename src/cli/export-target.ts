/**
 * Where an export goes. A regular file appears whole or not at all: its lines are written beside it, and it gets its
 * name at the end. A device, a pipe or a socket is written into and stays what it is. A symbolic link stays too: what
 * it points to is the target.
 */

import { createWriteStream, lstatSync, realpathSync, renameSync, rmSync, type Stats, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { agreementTo } from './agreement.ts';
import { CliFailure, exitCodes } from './exit.ts';

/** Resolves when all of it has arrived there. */
export type ExportTarget = (bytes: AsyncIterable<Buffer>) => Promise<void>;

/**
 * Asks before a file is replaced, on a terminal.
 * @throws CliFailure when a file is there and nobody agrees to replace it
 */
export async function exportTargetOf(file: string | undefined, force: boolean): Promise<ExportTarget> {
  if (file === undefined || file === '-') {
    return (bytes) => pipeline(Readable.from(bytes), process.stdout, { end: false });
  }
  const found = statsOf(file);
  if (found?.isDirectory()) throw new CliFailure(exitCodes.failed, `${file} is a directory: name a file in it.`);
  const isRegular = found === undefined ? !isLink(file) : found.isFile();
  if (!isRegular) return (bytes) => pipeline(Readable.from(bytes), createWriteStream(file));
  if (found !== undefined && !force) await agreeToReplace(file);
  const path = found === undefined ? file : realpathSync(file);
  return (bytes) => writeWhole(path, bytes);
}

async function agreeToReplace(file: string): Promise<void> {
  const isAgreed = await agreementTo(`${file} is there already. Replace it?`, process.stderr);
  if (isAgreed) return;
  throw isAgreed === undefined
    ? new CliFailure(exitCodes.usage, `${file} is there already: say --force to replace it.`)
    : new CliFailure(exitCodes.failed, `${file} is left as it was.`);
}

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Two exports to one file do not meet: the later one to end is what stays. */
async function writeWhole(path: string, bytes: AsyncIterable<Buffer>): Promise<void> {
  const unfinished = `${path}.${process.pid}.part`;
  const onSignal = (signal: NodeJS.Signals) => {
    rmSync(unfinished, { force: true });
    // Nobody listens to it any more: it ends this process as it would have.
    process.kill(process.pid, signal);
  };
  for (const signal of endingSignals) process.once(signal, onSignal);
  try {
    await pipeline(Readable.from(bytes), createWriteStream(unfinished, { flush: true }));
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw error;
  } finally {
    for (const signal of endingSignals) process.off(signal, onSignal);
  }
}

/** Undefined when nothing is there, or nothing that can be looked at: writing tells why. */
function statsOf(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch {
    return undefined;
  }
}

/** Also one that points to nothing yet. */
function isLink(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}
