/** Stands between a store and Redis and cuts connections: Redis has then done what nobody got an answer to. */

import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export class CuttingTcpProxy {
  /** Of the proxy. */
  port = 0;
  cuts = 0;
  readonly #open = new Set<Socket>();
  #cutAt: string | undefined;

  async start(target: number): Promise<void> {
    const server = createServer((near) => {
      const far = connect(target, '127.0.0.1');
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
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    onTestFinished(() => {
      for (const socket of this.#open) socket.destroy();
      server.close();
    });
  }

  /** The next answer that has this in it is swallowed, and its connection with it. */
  cutAtAnswer(text: string): void {
    this.#cutAt = text;
  }
}
