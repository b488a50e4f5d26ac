/**
 * How a server whose successor listens already lets its clients go, without one failed request: it takes no new
 * connections, tells each client with its next answer to connect anew (`connection: close`), and closes only what nobody
 * has used for a while. A connection that is closed while it is idle may just carry a request.
 */

import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';

declare module 'fastify' {
  interface FastifyInstance {
    readonly retirement: Retirement;
  }
}

/** Clients that ask every now and then over one connection have asked by then. */
const idleGraceMs = 5_000;
const idleCheckIntervalMs = 100;

export class Retirement {
  readonly #server: Server;
  readonly #onBegin: (() => void)[] = [];
  #isUnderWay = false;

  constructor(server: Server) {
    this.#server = server;
  }

  get isUnderWay(): boolean {
    return this.#isUnderWay;
  }

  /** For whoever has answers that would never end by themselves. */
  onBegin(run: () => void): void {
    this.#onBegin.push(run);
  }

  /** Resolves when no client is connected any more. */
  async begin(): Promise<void> {
    this.#isUnderWay = true;
    // Not http's own close, which closes idle connections at once.
    const closed = new Promise((resolve) => NetServer.prototype.close.call(this.#server, resolve));
    const tellToGo = (_request: unknown, response: ServerResponse) => {
      response.shouldKeepAlive = false;
    };
    for (const event of ['request', 'checkContinue', 'checkExpectation']) this.#server.prependListener(event, tellToGo);
    for (const run of this.#onBegin) run();
    let check: NodeJS.Timeout | undefined;
    const grace = setTimeout(() => {
      check = setInterval(() => this.#server.closeIdleConnections(), idleCheckIntervalMs);
    }, idleGraceMs);
    await closed;
    clearTimeout(grace);
    clearInterval(check);
  }
}
