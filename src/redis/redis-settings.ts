/** What a Redis server says of itself, as far as it matters to those who keep data in it. It only asks and parses. */

import type { Redis } from 'ioredis';

export type RedisSettings = {
  /** A replica takes no writes, and lags behind its master, whose address it knows. */
  readonly role: 'master' | 'replica';
  readonly masterAddress: string;
  readonly isAppending: boolean;
  /** `appendfsync`; undefined where the server does not tell. */
  readonly fsync: string | undefined;
  /** What is removed when memory is full: `maxmemory-policy`. */
  readonly evictionPolicy: string;
  readonly replicas: number;
};

/** @throws ReplyError and other errors of ioredis: see redis-error.ts */
export async function settingsOf(server: Redis): Promise<RedisSettings> {
  const facts = factsOf(await server.info());
  return {
    role: facts.get('role') === 'slave' ? 'replica' : 'master',
    masterAddress: `${facts.get('master_host')}:${facts.get('master_port')}`,
    isAppending: facts.get('aof_enabled') === '1',
    fsync: await fsyncOf(server),
    evictionPolicy: facts.get('maxmemory_policy') ?? 'noeviction',
    replicas: Number(facts.get('connected_slaves') ?? 0),
  };
}

/** INFO answers with lines of `name:value`, in sections. */
function factsOf(info: string): Map<string, string> {
  return new Map([...info.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name = '', value = '']) => [name, value]));
}

async function fsyncOf(server: Redis): Promise<string | undefined> {
  try {
    const [, value] = (await server.config('GET', 'appendfsync')) as string[];
    return value;
  } catch {
    // Hosted servers often forbid it.
    return undefined;
  }
}
