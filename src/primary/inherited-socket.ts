/**
 * A listening socket that systemd, or whoever speaks its protocol (sd_listen_fds), has opened for this process. Whoever
 * opened it keeps it: while this process is replaced, connections wait in the kernel. Linux alone.
 */

import { readFileSync, readlinkSync } from 'node:fs';
import { endianness } from 'node:os';
import { UnusableAddress } from './listen-address.ts';

export type InheritedSocket = { readonly fd: number; readonly host: string; readonly port: number };

/** The first of those that are handed over. */
const firstFd = 3;

/** Undefined where none was meant for this process. @throws UnusableAddress */
export function inheritedSocket(environment: NodeJS.ProcessEnv, pid: number): InheritedSocket | undefined {
  if (environment['LISTEN_PID'] !== String(pid)) return undefined;
  const count = Number(environment['LISTEN_FDS']);
  if (count !== 1) {
    throw new UnusableAddress(
      `systemd hands over ${count} sockets, but the service uses one. Leave one ListenStream in its unit.`,
    );
  }
  const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${firstFd}`)) ?? [];
  const tables = ['tcp', 'tcp6'].map((name) => readFileSync(`/proc/self/net/${name}`, 'utf8'));
  const address = inode === undefined ? undefined : listeningAt(tables.join('\n'), inode);
  if (address !== undefined) return { fd: firstFd, ...address };
  throw new UnusableAddress('systemd hands over a socket without a TCP port. Write ListenStream as ADDRESS:PORT.');
}

/** State of a socket in those tables. */
const listening = '0A';

/** @param table as /proc/net/tcp and tcp6 have it: number, local and remote address, state, and the inode as the tenth */
export function listeningAt(
  table: string,
  inode: string,
): { readonly host: string; readonly port: number } | undefined {
  const rows = table.split('\n').map((line) => line.trim().split(/\s+/));
  const found = rows.find((columns) => columns[3] === listening && columns[9] === inode);
  const [address, port] = found?.[1]?.split(':') ?? [];
  if (address === undefined || port === undefined) return undefined;
  // Words of 32 bits as they lie in memory.
  const bytes = Buffer.from(address, 'hex');
  if (endianness() === 'LE') bytes.swap32();
  return { host: hostOf(bytes), port: Number.parseInt(port, 16) };
}

function hostOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
