/** The log of one process: JSON lines for programs, readable lines on a terminal. Never a value, never a key. */

import pino, { type Logger } from 'pino';

/** Pino's logger: it satisfies `ports/log.ts`, and logs errors with their stacks. */
export type ProcessLog = Logger;

/** @param name who speaks, e.g. `shard-2` */
export async function createLog(name: string): Promise<ProcessLog> {
  const level = process.env['SHARDLITE_LOG_LEVEL'] ?? 'info';
  if (!process.stdout.isTTY) return pino({ level, base: { name, pid: process.pid } });
  const { default: pretty } = await import('pino-pretty');
  const stream = pretty({ sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss', singleLine: true });
  return pino({ level, base: { name } }, stream);
}
