/**
 * The log of one process: JSON lines for programs, readable lines on a terminal, on standard output or in a file of its own.
 * Never a value; a key only where an operator has asked for the log of requests with their keys.
 */

import pino, { type Logger } from 'pino';
import { LogFile } from './log-file.ts';
import { LogOutput, type LogPlace } from './log-output.ts';
import { standardOutput } from './standard-output.ts';

/** Pino's logger: it satisfies `ports/log.ts`, and logs errors with their stacks. */
export type ProcessLog = Logger;

/** As the primary tells every process. */
export type LogSettings = {
  /** One of pino's levels, or `silent`. */
  readonly level: string;
  /** Null where logs go to standard output. */
  readonly files: {
    readonly directory: string;
    readonly fileBytesMax: number;
    readonly filesMax: number;
  } | null;
};

let output: LogOutput | undefined;
let file: LogFile | undefined;

/** Lines of this process's log that found no place. */
export function logLinesLost(): number {
  return output?.lost ?? 0;
}

/** Opens the file anew, which somebody has moved away. False where the log is in no file of ours. */
export function reopenLog(): boolean {
  file?.reopen();
  return file !== undefined;
}

/** What may change while a process lives: the level, and the limits of its file. Where lines go stays as it is. */
export function adoptLogSettings(log: ProcessLog, { level, files }: LogSettings): void {
  log.level = level;
  if (files !== null) file?.limitTo(files);
}

/** @param name who speaks, e.g. `shard-2` */
export async function createLog(name: string, { level, files }: LogSettings): Promise<ProcessLog> {
  if (files !== null) file = new LogFile({ ...files, name });
  const isRead = process.stdout.isTTY && file === undefined;
  const formatted = isRead ? await readableLine() : (line: string) => line;
  const base = isRead ? { name } : { name, pid: process.pid };
  const place: LogPlace = file ?? standardOutput();
  const lines = new LogOutput(place, (lost) => {
    const msg = `${lost} lines of the log were lost: there was no place for them`;
    return formatted(
      `${JSON.stringify({ level: pino.levels.values['warn'], time: Date.now(), ...base, lost, msg })}\n`,
    );
  });
  output = lines;
  return pino({ level, base }, { write: (line: string) => lines.write(formatted(line)) });
}

/** Makes a JSON line readable. Loaded where somebody reads alone. */
export async function readableLine(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({ ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss', singleLine: true });
  return (line) => pretty(JSON.parse(line)) ?? '';
}
