/**
 * How the files of a log directory are named: one for each process, to which it writes, and beside it those that were full
 * and set aside.
 *
 *   router-1.log
 *   router-1.20261121T181530123Z-4711.log     set aside at that time, by the process of that id
 */

const filePattern = /^((?:primary|router|shard|clone)(?:-\d+)?)(\.\d{8}T\d{9}Z-\d+)?\.log$/;

/** @param name of the process, e.g. `router-1` */
export function currentLogFile(name: string): string {
  return `${name}.log`;
}

/** By name they are in order of time. The id keeps apart what two processes of one name set aside, as a reload has them. */
export function setAsideLogFile(name: string, dateMs: number, pid: number): string {
  return `${name}.${new Date(dateMs).toISOString().replace(/[-:.]/g, '')}-${pid}.log`;
}

/** Undefined for a file that is none of ours. */
export function parseLogFile(file: string): { readonly name: string; readonly isSetAside: boolean } | undefined {
  const [, name, aside] = filePattern.exec(file) ?? [];
  return name === undefined ? undefined : { name, isSetAside: aside !== undefined };
}
