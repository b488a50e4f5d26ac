/**
 * Stands between a router and a shard and cuts the connection when told: the shard has then received and done
 * what the router never gets an answer to.
 */

import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from './temporary-directory.ts';

export class CuttingProxy {
  readonly socketPath = join(temporaryDirectory(), 'proxy.sock');
  /** While true, answers are swallowed; the first swallowed one also cuts the connection. */
  cutsAtNextAnswer = false;
  connections = 0;
  readonly #open = new Set<Socket>();

  async start(target: string): Promise<void> {
    const server = createServer((near) => {
      this.connections++;
      const far = connect(target);
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
        if (!this.cutsAtNextAnswer) return near.write(chunk);
        this.cutsAtNextAnswer = false;
        return near.destroy();
      });
    });
    await new Promise<void>((resolve) => server.listen(this.socketPath, resolve));
    onTestFinished(() => {
      for (const socket of this.#open) socket.destroy();
      server.close();
    });
  }
}
