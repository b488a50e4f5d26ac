/** `shardctl backup` and `restore`: a copy of a running service as of one moment, and a data directory made of one. */

import { BackupRefused, type Manifest, totalsOf } from '../backup/manifest.ts';
import { restoreBackup, verifyBackup } from '../backup/restore-backup.ts';
import { takeBackup } from '../backup/take-backup.ts';
import { versionOfPackage } from '../config/version.ts';
import { CliFailure, endingSignals, exitCodes } from './exit.ts';
import { printLine } from './output.ts';
import { ProgressBar } from './progress-bar.ts';
import { bytesText, countOf, countText, durationText } from './quantity.ts';

const MiB = 1024 * 1024;
/** Beside clients: a quarter of what a common SSD reads. */
const defaultRateMiB = 128;

type Output = { readonly json?: boolean };

export async function backupCommand(
  directory: string,
  { data, rate, since, json }: Output & { data: string; rate?: string; since?: string },
): Promise<void> {
  const bytesPerS = wholeNumberOf('--rate', rate ?? `${defaultRateMiB}`, 1, 1_000_000) * MiB;
  const { result, tookMs } = await shown('Copying', (onProgress) =>
    takeBackup({ data, directory, version: versionOfPackage(), bytesPerS, since, onProgress }),
  );
  const { manifest, unchanged } = result;
  if (json) return printLine(JSON.stringify(manifest));
  const reused = since === undefined ? '' : ` (${unchanged.length} of its files unchanged since ${since})`;
  printLine(
    `${directory} has ${contentText(manifest)} as of ${manifest.takenAt}${reused}, taken in ${durationText(tookMs)}. \`shardctl restore ${directory} --data NEW\` makes a data directory from it.`,
  );
}

export async function verifyBackupCommand(directory: string, { json }: Output): Promise<void> {
  const { result: manifest } = await shown('Reading', (onProgress) => verifyBackup(directory, onProgress));
  if (json) printLine(JSON.stringify(manifest));
  else printLine(`${directory} is whole: ${contentText(manifest)} as of ${manifest.takenAt}.`);
}

export async function restoreCommand(
  directory: string,
  { data, shards, json }: Output & { data: string; shards?: string },
): Promise<void> {
  const count = shards === undefined ? undefined : wholeNumberOf('--shards', shards, 1, 64);
  const { result: manifest, tookMs } = await shown('Restoring', (onProgress) =>
    restoreBackup({ directory, data, shards: count, onProgress }),
  );
  if (json) return printLine(JSON.stringify(manifest));
  printLine(
    `${data} has ${contentText(manifest, count)} as of ${manifest.takenAt}, restored in ${durationText(tookMs)}. \`shardctl start --data ${data}\` serves it.`,
  );
}

async function shown<T>(
  title: string,
  work: (onProgress: (done: number, total: number) => void) => Promise<T>,
): Promise<{ result: T; tookMs: number }> {
  const startedAtMs = performance.now();
  let bar: ProgressBar | undefined;
  let interruption: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    interruption = signal;
  };
  // Once: a second one ends the process at once.
  for (const signal of endingSignals) process.once(signal, onSignal);
  try {
    const result = await work((done, total) => {
      // What is thrown here ends the work, which then removes what it has made.
      if (interruption !== undefined)
        throw new BackupRefused(`Ended by ${interruption}, and what was made is removed.`);
      bar ??= new ProgressBar({ title, total, amountText: bytesText });
      bar.advanceTo(done);
    });
    return { result, tookMs: performance.now() - startedAtMs };
  } catch (error) {
    if (error instanceof BackupRefused) throw new CliFailure(exitCodes.failed, error.message, { cause: error });
    throw error;
  } finally {
    bar?.end();
    for (const signal of endingSignals) process.off(signal, onSignal);
  }
}

function contentText(manifest: Manifest, shards = manifest.shards.length): string {
  const { keys, bytes } = totalsOf(manifest);
  return `${countOf(keys, 'key')}, ${bytesText(bytes)}, of ${countOf(shards, 'shard')}`;
}

function wholeNumberOf(option: string, text: string, min: number, max: number): number {
  const number = /^\d{1,7}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new CliFailure(
    exitCodes.usage,
    `${option} must be a whole number from ${countText(min)} to ${countText(max)}, not ${JSON.stringify(text)}.`,
  );
}
