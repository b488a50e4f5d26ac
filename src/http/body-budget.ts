/** What all bodies of one process may take of its memory together: those that arrive, and those that are sent. */

import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { FailedOutcome } from '../kv/outcome.ts';

declare module 'fastify' {
  interface FastifyInstance {
    readonly bodyBudget: BodyBudget;
  }
}

/** For a body to be sent. */
export function shareOfAnswer(reply: FastifyReply): BodyShare {
  return reply.server.bodyBudget.shareOf(reply.raw);
}

/** What is told to whoever finds no room. */
export function noRoom({ bytesMax }: BodyBudget): FailedOutcome {
  return {
    kind: 'failed',
    code: 'overloaded',
    detail:
      `All bodies of requests and answers together take at most ${bytesMax} bytes here: send fewer at once, or start ` +
      'the service with a larger --body-memory-bytes-max.',
  };
}

/** As large as a small answer: every connection may have one, and all of them come to 40 MiB. */
export const uncountedBytesMax = 4 * 1024;

export class BodyBudget {
  readonly bytesMax: number;
  #taken = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get takenBytes(): number {
    return this.#taken;
  }

  /** What one request and its answer take, until the answer is sent or given up. */
  shareOf(response: ServerResponse): BodyShare {
    let taken = 0;
    response.once('close', () => {
      this.#taken -= taken;
      // Whoever comes later holds nothing for anybody.
      taken = Number.NaN;
    });
    return {
      take: (bytes) => {
        if (response.destroyed || Number.isNaN(taken)) return true;
        if (this.#taken + bytes > this.bytesMax) return false;
        this.#taken += bytes;
        taken += bytes;
        return true;
      },
      give: (bytes) => {
        // Once the answer is over, everything is given back at once.
        if (response.destroyed || Number.isNaN(taken)) return;
        this.#taken -= bytes;
        taken -= bytes;
      },
    };
  }
}

export type BodyShare = {
  /** False when there is no room; then nothing is taken. */
  readonly take: (bytes: number) => boolean;
  /** For answers that go on, when a part of them was sent. */
  readonly give: (bytes: number) => void;
};

/** Of bodies that are too small to be counted. */
export const uncounted: BodyShare = { take: () => true, give: () => {} };
