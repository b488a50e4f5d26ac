/** Runs the load generator (`load.c`) once, and reads its result. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { integer, listOf, objectOf, parsed, type ShapeOf, text, tupleOf } from '../../src/supervision/shape.ts';

const run = promisify(execFile);

/** One stretch of load. What is not said has the default of `load.c`. */
export type Drive = {
  readonly port: number;
  /** Another one for each drive: other keys in another order, and no value was ever sent before. */
  readonly seed: number;
  readonly connections: number;
  readonly prefix: string;
  readonly keys: number;
  readonly valueBytes: number;
  readonly readShare: number;
  readonly distribution?: 'uniform' | 'zipfian';
  readonly seconds?: number;
  /** Requests a second, with intended start times; 0: as fast as answers come. */
  readonly rate?: number;
  /** Each key once, in order, whatever time it takes. */
  readonly eachOnce?: boolean;
  /** What a read or a write asks for; plain GET and PUT unless said otherwise. */
  readonly shape?: 'conditional' | 'list' | 'batch';
  /** Share of the requests that increment a counter, and the path before its key. */
  readonly incrementShare?: number;
  readonly counterPath?: string;
  readonly timeoutMs?: number;
  /** Where each request is noted for the judge. */
  readonly log?: string;
};

const histogram = listOf(tupleOf(integer, integer));

const result = objectOf({
  answered: integer,
  durationUs: integer,
  /** Answers with a status that is no success, a 404 to a read apart. */
  failedStatus: integer,
  broken: integer,
  timedOut: integer,
  /** Requests that were due, but found no free connection until the end. */
  unsent: integer,
  /** Reads that found nothing. */
  missing: integer,
  /** Reads of something that nobody wrote as it is. */
  corrupt: integer,
  /** Of the load generator itself. */
  cpuUs: integer,
  firstFailure: text,
  reads: histogram,
  writes: histogram,
});

export type Driven = ShapeOf<typeof result>;

export async function drive(loadProgram: string, options: Drive, signal: AbortSignal): Promise<Driven> {
  const { stdout } = await run(loadProgram, argumentsOf(options), { signal, maxBuffer: 16 * 1024 * 1024 });
  return parsed(result, JSON.parse(stdout), 'The result of the load generator');
}

/** As the load generator writes the key of this number. */
export function keyText(prefix: string, key: number): string {
  return `${prefix}${String(key).padStart(6, '0')}`;
}

/** `valueBytes: 100` → `value-bytes=100` */
function argumentsOf(options: Drive): string[] {
  return Object.entries(options).map(([name, value]) => `${dashed(name)}=${value}`);
}

function dashed(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
