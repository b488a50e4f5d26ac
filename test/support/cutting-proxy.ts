/**
 * Stands between a client and a server, a router and a shard or a store and Redis, and cuts the connection when told:
 * the server has then received and done what the client never gets an answer to.
 */

import {
  type AddressInfo,
  connect,
  createServer,
  type ListenOptions,
  type NetConnectOpts,
  type Socket,
} from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from './temporary-directory.ts';

export class CuttingProxy {
  /** Of the proxy, in front of a Unix socket. */
  readonly socketPath = join(temporaryDirectory(), 'proxy.sock');
  /** Of the proxy, in front of a port. */
  port = 0;
  connections = 0;
  cuts = 0;
  readonly #open = new Set<Socket>();
  #cutAt: string | undefined;

  /** @param target a path, or a port of this machine */
  async start(target: string | number): Promise<void> {
    const [to, at]: [NetConnectOpts, ListenOptions] =
      typeof target === 'string'
        ? [{ path: target }, { path: this.socketPath }]
        : [
            { port: target, host: '127.0.0.1' },
            { port: 0, host: '127.0.0.1' },
          ];
    const server = createServer((near) => {
      this.connections++;
      const far = connect(to);
      for (const socket of [near, far]) {
        this.#open.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.#open.delete(socket);
          near.destroy();
          far.destroy();
        });
      }
      near.on('data', (chunk) => far.write(chunk));
      far.on('data', (chunk) => {
        if (this.#cutAt === undefined || !chunk.includes(this.#cutAt)) return near.write(chunk);
        this.#cutAt = undefined;
        this.cuts++;
        return near.destroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(at, resolve));
    if (typeof target === 'number') this.port = (server.address() as AddressInfo).port;
    onTestFinished(() => {
      for (const socket of this.#open) socket.destroy();
      server.close();
    });
  }

  /** The next answer that has this in it, any if it is empty, is swallowed, and its connection with it. */
  cutAtAnswer(text = ''): void {
    this.#cutAt = text;
  }
}
