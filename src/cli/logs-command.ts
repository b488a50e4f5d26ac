/** `shardctl logs`: what all processes have logged, or one, from their files: also of a service that does not run. */

import { realpathSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { logLinkOf } from '../config/data-directory.ts';
import { readableLine } from '../supervision/log.ts';
import { durationOf } from './duration.ts';
import { CliFailure, exitCodes } from './exit.ts';
import { type LogLine, LogReader, processesLogged } from './log-reader.ts';
import { printAll } from './output.ts';

type LogsOptions = {
  readonly data: string;
  readonly follow?: boolean;
  readonly since?: string;
  readonly json?: boolean;
};

const pollIntervalMs = 200;

export async function logsCommand(wanted: string | undefined, options: LogsOptions): Promise<void> {
  const { data, follow, since, json } = options;
  const directory = directoryOf(data);
  const sinceMs = since === undefined ? 0 : Date.now() - durationOf('--since', since, '5m');
  const known = await processesLogged(directory);
  if (wanted !== undefined && !known.includes(wanted)) {
    throw new CliFailure(
      exitCodes.failed,
      `There is no log of ${wanted} in ${directory}. There are logs of ${known.join(', ')}.`,
    );
  }
  const textOf = json || !process.stdout.isTTY ? ({ text }: LogLine) => `${text}\n` : await readableText();
  const reader = new LogReader(directory, (name) => wanted === undefined || name === wanted);
  const lines = async function* () {
    do {
      for await (const line of reader.newLines()) if (line.atMs >= sinceMs) yield textOf(line);
      if (follow) await sleep(pollIntervalMs);
    } while (follow);
  };
  try {
    await printAll(lines());
  } finally {
    await reader.stop();
  }
}

function directoryOf(data: string): string {
  try {
    return realpathSync(logLinkOf(data));
  } catch (error) {
    throw new CliFailure(
      exitCodes.failed,
      `The service of ${data} has no log files: its log goes to standard output. \`shardctl start --log-dir DIR\` writes files.`,
      { cause: error },
    );
  }
}

/** A line that is no JSON, which a full disk may have left, stands as it is. */
async function readableText(): Promise<(line: LogLine) => string> {
  const readable = await readableLine();
  return ({ text }) => {
    try {
      return readable(text);
    } catch {
      return `${text}\n`;
    }
  };
}
