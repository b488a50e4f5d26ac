/** What has to be so before a service starts, each refused in a sentence that says what to do. */

import { accessSync, constants } from 'node:fs';
import type { Server } from 'node:http';
import { connect } from 'node:net';
import { AccessRefused } from '../access/access-refused.ts';
import { adminSocketOf, DataDirectory, makeDirectory, UnusableDirectory } from '../config/data-directory.ts';
import { logSettingsOf } from '../config/log-settings.ts';
import { redisAddressOf, redisAddressText } from '../config/redis-address.ts';
import type { ServiceConfig } from '../config/service-config.ts';
import { connectionsMax, connectionsWithin, openFilesMax } from '../http/connection-limit.ts';
import { FileLocked, UnusableFile } from '../sqlite/database.ts';
import type { ProcessLog } from '../supervision/log.ts';
import { AccessBook } from './access-book.ts';
import { type InheritedSocket, inheritedSocket } from './inherited-socket.ts';
import { checkedPort, listenOnAdminPort, UnusableAddress } from './listen-address.ts';
import { type TakenDirectory, takeDirectory } from './take-directory.ts';

/** The service cannot run here as it was asked to; the message says why and what to do. */
export class CannotStart extends Error {
  override readonly name = 'CannotStart';
}

/**
 * Asked before anything is taken, so that a second start hears of the running service and not of the port that this has.
 * What refuses for certain is the lock of the data directory (`taken`): here a service that only begins is not seen.
 * @throws CannotStart
 */
export async function refuseIfServed({ data }: ServiceConfig): Promise<void> {
  if (await listensAt(adminSocketOf(data))) throw alreadyServed(data);
}

/** A killed service leaves its socket behind, on which nobody listens. */
function listensAt(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function alreadyServed(data: string, options?: ErrorOptions): CannotStart {
  return new CannotStart(
    `A service already runs on the data directory ${data}. Look at it with \`shardctl status --data ${data}\`, or choose another --data.`,
    options,
  );
}

/** @throws CannotStart */
export async function accessOf(config: ServiceConfig): Promise<AccessBook> {
  try {
    return await AccessBook.open(config, new DataDirectory(config.data).tokensFile);
  } catch (error) {
    if (!(error instanceof UnusableDirectory) && !(error instanceof AccessRefused)) throw error;
    throw new CannotStart(error.message, { cause: error });
  }
}

/** @throws CannotStart */
export function makeLogDirectory(config: ServiceConfig): void {
  const { files } = logSettingsOf(config);
  if (files === null) return;
  try {
    makeDirectory(files.directory);
    accessSync(files.directory, constants.W_OK);
  } catch (error) {
    throw new CannotStart(`The directory of --log-dir cannot be used: ${(error as Error).message}. Name another one.`, {
      cause: error,
    });
  }
}

type TakenPorts = { readonly port: number; readonly adminServer: Server | undefined };

/** Undefined where this process opens its own. @throws CannotStart */
export function handedOverSocket(): InheritedSocket | undefined {
  try {
    return inheritedSocket(process.env, process.pid);
  } catch (error) {
    throw error instanceof UnusableAddress ? new CannotStart(error.message, { cause: error }) : error;
  }
}

/**
 * That of operators first: it is kept, while the service's is only tried, unless a socket was handed over that has it.
 * @throws CannotStart
 */
export async function takePorts(config: ServiceConfig, isHandedOver: boolean): Promise<TakenPorts> {
  let adminServer: Server | undefined;
  try {
    adminServer = await listenOnAdminPort(config);
    return { adminServer, port: isHandedOver ? config.port : await checkedPort(config.host, config.port) };
  } catch (error) {
    adminServer?.close();
    throw error instanceof UnusableAddress ? new CannotStart(error.message, { cause: error }) : error;
  }
}

/** @throws CannotStart when an operator has to mend it first */
export async function checkRedis({ store }: ServiceConfig): Promise<void> {
  const address = redisAddressOf(store);
  if (address === undefined) return;
  // Loaded where it is needed: it takes longer than all of the primary's own.
  const { whyUnfit } = await import('../redis/redis-first-look.ts');
  const why = await whyUnfit(address);
  if (why !== undefined) throw new CannotStart(`The service cannot use ${redisAddressText(address)}. ${why}`);
}

/** @throws CannotStart, with the directory let go */
export function taken(config: ServiceConfig, log: ProcessLog): TakenDirectory {
  try {
    return takeDirectory(config, log);
  } catch (error) {
    if (error instanceof FileLocked) throw alreadyServed(config.data, { cause: error });
    if (error instanceof UnusableFile || error instanceof UnusableDirectory)
      throw new CannotStart(error.message, { cause: error });
    throw error;
  }
}

/** Its children have the limit that it has. */
export function warnOfFewFiles(log: ProcessLog): void {
  const limit = openFilesMax();
  const allowed = connectionsWithin(limit);
  if (allowed === connectionsMax) return;
  log.warn(
    { openFilesMax: limit, connectionsMax: allowed },
    `a process may open only ${limit} files and connections, so each router accepts ${allowed} connections instead of ${connectionsMax}: raise the hard limit (ulimit -n, or LimitNOFILE of systemd)`,
  );
}
