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
export const idleGraceMs = 5_000;
/** A request is on its way over a connection that was just made. */
const freshGraceMs = 500;
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

  /**
   * The shorter way, before a server is closed whose socket others keep: connections that it has taken already are of
   * nobody else. Does nothing where the long one is over.
   */
  async beforeClose(): Promise<void> {
    if (!this.#isUnderWay) await this.begin(freshGraceMs);
  }

  /** Resolves when no client is connected any more. */
  async begin(graceMs = idleGraceMs): Promise<void> {
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
    }, graceMs);
    await closed;
    clearTimeout(grace);
    clearInterval(check);
  }
}
