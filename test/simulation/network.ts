/**
 * Connections between processes: what was written before one broke may or may not arrive, never out of order, and then
 * either end sees it close.
 */

import type { ByteStream, Listener, Sockets } from '../../src/ports/sockets.ts';
import { SimulatedSocket } from './adapters/simulated-socket.ts';
import type { Life } from './scheduler.ts';
import type { Wires } from './streams.ts';

export class Network {
  readonly #wires: Wires;
  readonly #listeners = new Map<string, { readonly life: Life; readonly accept: (stream: ByteStream) => void }>();
  #sockets: SimulatedSocket[] = [];

  constructor(wires: Wires) {
    this.#wires = wires;
  }

  socketsOf(life: Life): Sockets {
    return {
      connect: (path) => this.#connect(life, path),
      listen: async (path, accept): Promise<Listener> => {
        this.#listeners.set(path, { life, accept });
        return { close: () => this.#listeners.delete(path) };
      },
    };
  }

  /** A new primary removes the socket files of the one before. */
  forgetPaths(): void {
    this.#listeners.clear();
  }

  endOf(life: Life): void {
    for (const socket of this.#sockets) if (socket.life === life) socket.destroy();
    this.#sockets = this.#sockets.filter(({ destroyed }) => !destroyed);
  }

  /** False when there is none. */
  breakAny(): boolean {
    const open = this.#sockets.filter(({ destroyed }) => !destroyed);
    const broken = open[this.#wires.fate.below(Math.max(1, open.length))];
    broken?.peer?.incoming.endWith('end', { isCut: true });
    broken?.incoming.endWith('end', { isCut: true });
    return broken !== undefined;
  }

  #connect(life: Life, path: string): ByteStream {
    const client = new SimulatedSocket(this.#wires, life, (socket) => socket.opened());
    const listener = this.#listeners.get(path);
    if (listener === undefined || !listener.life.isAlive) {
      client.incoming.endWith('end', { isCut: false });
      return client;
    }
    const server = new SimulatedSocket(this.#wires, listener.life, listener.accept);
    client.peer = server;
    server.peer = client;
    this.#sockets.push(client, server);
    for (const end of [server, client]) end.incoming.send('open');
    return client;
  }
}
