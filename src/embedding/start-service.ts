/**
 * A service that belongs to a Node program: for tests, and for programs that bring their own. It runs in processes of its
 * own and ends with the program, however that ends.
 */

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServiceConfig } from '../config/service-config.ts';
import type { MessageFromService } from './service-process.ts';

/** This file and its neighbour are built to JavaScript: a forked process cannot run TypeScript. */
const serviceProcess = fileURLToPath(new URL('./service-process.js', import.meta.url));

/** The settings of `shardctl start`, in camelCase, and where the log goes. */
export type ServiceOptions = Partial<ServiceConfig> & {
  /** `inherit` writes JSON lines to the output of this program. By default, there is no log. */
  readonly log?: 'ignore' | 'inherit';
};

/** A service that runs until it is stopped, or this program ends. */
export type EmbeddedService = {
  /** The address, such as `http://127.0.0.1:41234`. */
  readonly url: string;
  /** The data directory: `shardctl --data` takes it. */
  readonly data: string;
  /**
   * Finishes the requests under way, then ends every process of the service, within about 5 s. Idempotent; never rejects.
   *
   * @example
   * await service.stop();
   */
  stop(): Promise<void>;
  /** As `stop`: for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
};

/**
 * The service cannot start. The message says why and what to do.
 *
 * @example
 * if (error instanceof CannotStartService) console.error(error.message);
 */
export class CannotStartService extends Error {
  override readonly name = 'CannotStartService';
}

/**
 * Starts a service and resolves when it serves. By default it uses any free port, and a temporary directory that is removed
 * at the end. Sizes are in bytes and times in milliseconds, as their names say.
 *
 * @throws CannotStartService if a setting is wrong, or the directory is in use
 * @example
 * await using service = await startService({ data: './shards', shards: 2 });
 * const kv = connect(service.url);
 */
export async function startService({ log = 'ignore', ...settings }: ServiceOptions = {}): Promise<EmbeddedService> {
  const ownData = settings.data === undefined ? mkdtempSync(join(tmpdir(), 'shardlite-')) : undefined;
  const data = settings.data ?? (ownData as string);
  // Neither a debugger's port nor flags of this program are for the service.
  const child = fork(serviceProcess, [], { execArgv: [], stdio: ['ignore', log, log, 'ipc'] });
  child.send({ port: 0, ...settings, data });
  const exited = once(child, 'exit').then(([code]): MessageFromService => {
    return { type: 'cannot-start', why: `The service ended with ${code}. \`log: 'inherit'\` shows why.` };
  });
  const message = await Promise.race([once(child, 'message').then(([first]) => first as MessageFromService), exited]);
  if (message.type === 'ready') return new ServiceOfChild(child, { url: message.url, data, ownData });
  await exited;
  removeOwn(ownData);
  throw new CannotStartService(message.why);
}

class ServiceOfChild implements EmbeddedService {
  readonly url: string;
  readonly data: string;
  readonly #child: ChildProcess;
  readonly #ownData: string | undefined;

  constructor(child: ChildProcess, { url, data, ownData }: { url: string; data: string; ownData: string | undefined }) {
    this.#child = child;
    this.url = url;
    this.data = data;
    this.#ownData = ownData;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      // The other end drains when the channel closes, as it does when this program ends.
      if (this.#child.connected) this.#child.disconnect();
      await exited;
    }
    removeOwn(this.#ownData);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

function removeOwn(data: string | undefined): void {
  if (data !== undefined) rmSync(data, { recursive: true, force: true });
}
