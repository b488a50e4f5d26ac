/**
 * Writes an export to where it should go. A regular file appears whole or not at all: the lines go into another file
 * beside it, which is renamed at the end. A device or a pipe is never renamed over: the lines go into it. Of a symbolic
 * link, the file that it points to is replaced, not the link.
 */

import { createWriteStream, lstatSync, realpathSync, renameSync, rmSync, type Stats, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { agreementTo } from './agreement.ts';
import { CliFailure, endingSignals, exitCodes } from './exit.ts';
import { printAll } from './output.ts';

/** Writes all bytes. Resolves when they have arrived: to false where the reader of standard output wanted no more. */
export type ExportTarget = (bytes: AsyncIterable<Buffer>) => Promise<boolean>;

/** All of them mean standard output, which the shell has opened already and may be any kind of file. */
const namesOfOutput = ['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'];

/**
 * Asks before a file is replaced, on a terminal.
 * @throws CliFailure when a file is there and nobody agrees to replace it
 */
export async function exportTargetOf(file: string | undefined, force: boolean): Promise<ExportTarget> {
  if (file === undefined || namesOfOutput.includes(file)) {
    return printAll;
  }
  const found = statsOf(file);
  if (found?.isDirectory()) throw new CliFailure(exitCodes.failed, `${file} is a directory. Name a file in it.`);
  const isRegular = found === undefined ? !isLink(file) : found.isFile();
  if (!isRegular) return (bytes) => pipeline(Readable.from(bytes), createWriteStream(file)).then(() => true);
  if (found !== undefined && !force) await agreeToReplace(file);
  const path = found === undefined ? file : realpathSync(file);
  return (bytes) => writeWhole(path, bytes).then(() => true);
}

async function agreeToReplace(file: string): Promise<void> {
  const isAgreed = await agreementTo(`${file} already exists. Replace it?`, process.stderr);
  if (isAgreed) return;
  throw isAgreed === undefined
    ? new CliFailure(exitCodes.usage, `${file} already exists. Use --force to replace it.`)
    : new CliFailure(exitCodes.failed, `${file} was not changed. Name another file, or use --force.`);
}

/** The process id keeps two exports to one file apart: the one that ends last replaces the other. */
async function writeWhole(path: string, bytes: AsyncIterable<Buffer>): Promise<void> {
  const unfinished = `${path}.${process.pid}.part`;
  const onSignal = (signal: NodeJS.Signals) => {
    rmSync(unfinished, { force: true });
    // This listener is gone by now, so the signal ends the process as usual.
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

/** Undefined when the file cannot be looked at, mostly because there is none. If it is another reason, writing tells. */
function statsOf(file: string): Stats | undefined {
  try {
    return statSync(file);
  } catch {
    return undefined;
  }
}

/** True also for a link that points to nothing yet. */
function isLink(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}
