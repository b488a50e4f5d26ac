/** The look that a start takes at Redis before anything runs over it: an operator is there to read what is wrong. */

import type { RedisAddress } from '../config/redis-address.ts';
import { RedisConnection } from './redis-connection.ts';

/** A Redis that does not answer so soon may be starting too: the service starts beside it, and is not ready. */
const answerWithinMs = 1_500;

/** Why nothing may be kept there, in a sentence or two; undefined when it may, or nobody answers. */
export function whyUnfit(address: RedisAddress): Promise<string | undefined> {
  return new Promise((resolve) => {
    const end = (why?: string) => {
      clearTimeout(deadline);
      connection.stop();
      resolve(why);
    };
    const deadline = setTimeout(end, answerWithinMs);
    const connection = new RedisConnection(address, {
      onStanding: (standing) => {
        if (standing.kind === 'serving') end();
        if (standing.kind === 'unfit') end(standing.why);
      },
      onAcknowledgement: () => {},
      onTrouble: () => {},
    });
  });
}
