/** How a contestant says where it serves: with one line of JSON. The benchmark's own also say what their processes are. */

import { exactly, integer, listOf, objectOf, text } from '../../src/supervision/shape.ts';

export type Process = {
  readonly role: string;
  readonly pid: number;
  /** Its id in the ring, of a shard of the service. */
  readonly shard?: number;
};

type Announcement = { readonly url: string; readonly processes?: readonly Process[] };

const ready = objectOf({ event: exactly('service-ready'), url: text });
const withProcesses = objectOf({ processes: listOf(objectOf({ role: text, pid: integer })) });

/** Call when listening. From then on the contestant ends with the benchmark, however that ends. */
export function announce(port: number, processes: readonly Process[]): void {
  console.log(JSON.stringify({ event: 'service-ready', url: `http://127.0.0.1:${port}`, processes }));
  process.on('disconnect', () => process.exit(1));
}

/** Undefined for any other line of its output. */
export function announcementOf(line: string): Announcement | undefined {
  const said: unknown = JSON.parse(line);
  if (!ready(said)) return undefined;
  return withProcesses(said) ? { url: said.url, processes: said.processes } : { url: said.url };
}
