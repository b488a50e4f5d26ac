/** The log of one process: JSON lines for programs, readable lines on a terminal. Never a value, never a key. */

import pino, { type Logger } from 'pino';
import { LogOutput } from './log-output.ts';

/** Pino's logger: it satisfies `ports/log.ts`, and logs errors with their stacks. */
export type ProcessLog = Logger;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

let output: LogOutput | undefined;

/** Lines of this process's log that found no place. */
export function logLinesLost(): number {
  return output?.lost ?? 0;
}

/** @param name who speaks, e.g. `shard-2` */
export async function createLog(name: string): Promise<ProcessLog> {
  const level = process.env['SHARDLITE_LOG_LEVEL'] ?? 'info';
  const formatted = process.stdout.isTTY ? await readableLine() : (line: string) => line;
  const base = process.stdout.isTTY ? { name } : { name, pid: process.pid };
  const lines = new LogOutput((lost) => {
    const msg = `${lost} lines of the log were lost: there was no place for them`;
    return formatted(
      `${JSON.stringify({ level: pino.levels.values['warn'], time: Date.now(), ...base, lost, msg })}\n`,
    );
  });
  output = lines;
  return pino({ level, base }, { write: (line: string) => lines.write(formatted(line)) });
}

/** Loaded for terminals alone. */
async function readableLine(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty');
  const pretty = prettyFactory({ ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss', singleLine: true });
  return (line) => pretty(JSON.parse(line)) ?? '';
}
