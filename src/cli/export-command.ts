/**
 * `shardctl export [FILE]`: every entry, or those of a prefix, as lines of JSON in the order of their keys' bytes.
 * An export is no snapshot: it may or may not contain what clients write while it runs.
 */

import { statusOfService } from '../admin/admin-client.ts';
import { reasonOf } from '../client/sender.ts';
import { entriesFrom } from './entry-stream.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { exportTargetOf } from './export-target.ts';
import { endedSentence } from './next-step.ts';
import { patientTimeout } from './patience.ts';
import { ProgressBar } from './progress-bar.ts';
import { countOf, durationText } from './quantity.ts';
import { restApiOf } from './rest-client.ts';
import { type RestOptions, restTargetOf } from './rest-target.ts';

type ExportOptions = RestOptions & { readonly prefix?: string; readonly force?: boolean };

/** Lines are gathered up to this size, since a write of each line would cost a system call of its own. */
const writeBytes = 256 * 1024;

export async function exportCommand(file: string | undefined, options: ExportOptions): Promise<void> {
  const { prefix, force } = options;
  const api = await restApiOf({ timeout: patientTimeout, ...options });
  const write = await exportTargetOf(file, force === true);
  const bar = new ProgressBar({ title: 'Exporting', total: prefix === undefined ? await keysOf(options) : undefined });
  const startedAtMs = performance.now();
  let entries = 0;
  let isWanted: boolean;
  try {
    isWanted = await write(inChunks(entriesFrom(api, prefix ?? ''), () => bar.advanceTo(++entries)));
  } catch (error) {
    const after = `The export ended early, after ${countOf(entries, 'entry', 'entries')}`;
    throw new CliFailure(
      exitCodes.failed,
      `${after}: ${error instanceof CliFailure ? error.message : endedSentence(reasonOf(error))}`,
      { cause: error },
    );
  } finally {
    bar.end();
  }
  if (!isWanted) return;
  console.error(
    `${countOf(entries, 'entry', 'entries')} exported in ${durationText(performance.now() - startedAtMs)}.`,
  );
}

/** Undefined where nobody counts all keys, or only the service's own machine could tell. */
async function keysOf(options: RestOptions): Promise<number | undefined> {
  const { at } = restTargetOf(options, process.env);
  return 'url' in at ? undefined : (await statusOfService(at.data)).stored?.keys || undefined;
}

async function* inChunks(lines: AsyncIterable<Buffer>, onLine: () => void): AsyncGenerator<Buffer> {
  const feed = Buffer.from('\n');
  let gathered: Buffer[] = [];
  let gatheredBytes = 0;
  for await (const line of lines) {
    onLine();
    gathered.push(line, feed);
    gatheredBytes += line.length + 1;
    if (gatheredBytes < writeBytes) continue;
    yield Buffer.concat(gathered);
    gathered = [];
    gatheredBytes = 0;
  }
  if (gatheredBytes > 0) yield Buffer.concat(gathered);
}
