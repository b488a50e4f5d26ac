/**
 * Whether values may be kept in a Redis at all. Where they may not, nothing is asked of it: an operator has to mend it,
 * and is told what is wrong and what to do. Pure, but for the rehearsal.
 */

import { Cluster } from 'ioredis';
import type { ErrorCode } from '../kv/errors.ts';
import type { RedisClient } from './redis-client.ts';
import { scratchKeyOf } from './redis-entry.ts';
import { meaningOf } from './redis-error.ts';
import { askAlone } from './redis-question.ts';
import { rehearsalScript } from './redis-script.ts';
import type { RedisSettings } from './redis-settings.ts';

export type Unfitness = {
  readonly code: Extract<ErrorCode, 'store-denied' | 'store-evicting' | 'store-read-only' | 'store-unavailable'>;
  /** A sentence or two. */
  readonly why: string;
};

/** @param servers the only one, or all masters of a Cluster, which looks after its replicas itself */
export function unfitnessOf(servers: readonly RedisSettings[], kind: 'server' | 'cluster'): Unfitness | undefined {
  const replica = servers.find(({ role }) => role === 'replica');
  if (kind === 'server' && replica !== undefined) {
    return {
      code: 'store-read-only',
      why: `This Redis is a read-only replica of ${replica.masterAddress}. Use the address of its master.`,
    };
  }
  const evicting = servers.find(({ evictionPolicy }) => evictionPolicy.startsWith('allkeys-'));
  if (evicting !== undefined) {
    return {
      code: 'store-evicting',
      why:
        `If its memory is full, this Redis removes any key, even lists of keys and versions ` +
        `(maxmemory-policy ${evicting.evictionPolicy}). Set maxmemory-policy to noeviction.`,
    };
  }
  return undefined;
}

/** Undefined when the error says nothing of the kind. */
export function unfitnessOfError(error: Error): Unfitness | undefined {
  switch (meaningOf(error)) {
    case 'denied':
      return { code: 'store-denied', why: deniedText(error) };
    case 'read-only':
      return {
        code: 'store-read-only',
        why: `This Redis is read-only (${error.message}). Use the address of its master.`,
      };
    default:
      return undefined;
  }
}

function deniedText({ message }: Error): string {
  if (message.startsWith('NOAUTH')) {
    return 'Redis requires a password. Put it into the address: redis://USER:PASSWORD@HOST.';
  }
  if (message.startsWith('NOPERM') || message.includes('executing the script')) {
    return `Redis denies this user a right that the service needs: ${message}.`;
  }
  return `Redis does not accept the user and password of the address: ${message}.`;
}

/**
 * Does once, to a key of our own, what will be asked of Redis, and leaves nothing behind. What is not allowed is found
 * here, rather than in the midst of a script, which takes nothing back of what it has written.
 * @throws errors of ioredis that say nothing of the rights of this user
 */
export async function rehearse(client: RedisClient): Promise<Unfitness | undefined> {
  const { lua, sha1 } = rehearsalScript;
  const ask = askAlone(client);
  const key = scratchKeyOf(0);
  try {
    // A script is named by its hash once a server knows it.
    await ask('eval', lua, 1, key);
    await ask('evalsha', sha1, 1, key);
    await ask('zrangebylex', key, '-', '+', 'LIMIT', 0, 1);
    await ask('zrevrangebylex', key, '+', '-', 'LIMIT', 0, 1);
    return undefined;
  } catch (error) {
    const unfitness = unfitnessOfError(error as Error);
    // A Cluster replaces a master that has become a replica by itself.
    return client instanceof Cluster && unfitness?.code === 'store-read-only' ? undefined : unfitness;
  }
}
