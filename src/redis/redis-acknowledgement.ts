/**
 * What an acknowledgement of Redis is worth, read from its servers: Redis alone knows whether a write that it has
 * acknowledged is on a disk, or on another machine, or may be thrown away. Pure, but for the asking.
 */

export type RedisSettings = {
  /** `appendonly` and `appendfsync`; undefined where the server does not say. */
  readonly appendOnly: string | undefined;
  readonly fsync: string | undefined;
  readonly evictionPolicy: string | undefined;
  readonly memoryBytesMax: number;
  readonly replicas: number;
};

/** Whom to ask. */
export type RedisServer = {
  readonly info: (section: string) => Promise<string>;
  readonly config: (name: string) => Promise<string | undefined>;
};

export async function settingsOf(server: RedisServer): Promise<RedisSettings> {
  const replication = await server.info('replication');
  return {
    appendOnly: await server.config('appendonly'),
    fsync: await server.config('appendfsync'),
    evictionPolicy: await server.config('maxmemory-policy'),
    memoryBytesMax: Number((await server.config('maxmemory')) ?? 0),
    replicas: Number(/^connected_slaves:(\d+)/m.exec(replication)?.[1] ?? 0),
  };
}

/** Sentences for an operator. Of several servers the weakest counts. */
export function acknowledgementText(servers: readonly RedisSettings[]): string {
  const replicas = Math.min(...servers.map((server) => server.replicas));
  const sentences = [onDiskText(servers)];
  if (replicas > 0) {
    sentences.push('Replicas get it a moment later: a fail-over may lose the last writes.');
  }
  const evicting = servers.find(
    ({ evictionPolicy, memoryBytesMax }) => memoryBytesMax > 0 && !(evictionPolicy ?? 'noeviction').startsWith('no'),
  );
  if (evicting !== undefined) {
    sentences.push(`When memory is full Redis throws values away (maxmemory-policy ${evicting.evictionPolicy}).`);
  }
  return sentences.join(' ');
}

function onDiskText(servers: readonly RedisSettings[]): string {
  const are = (wanted: (server: RedisSettings) => boolean) => servers.some(wanted);
  if (are(({ appendOnly }) => appendOnly === undefined)) {
    return 'Redis does not tell whether an acknowledged write is on disk (CONFIG is not allowed).';
  }
  if (are(({ appendOnly }) => appendOnly !== 'yes')) {
    return 'An acknowledged write lies in memory: Redis loses it when it ends (appendonly no).';
  }
  if (are(({ fsync }) => fsync === 'no')) {
    return 'An acknowledged write is on disk some half a minute later (appendfsync no).';
  }
  if (are(({ fsync }) => fsync !== 'always')) {
    return 'An acknowledged write is on disk about a second later (appendfsync everysec).';
  }
  return 'An acknowledged write is on disk (appendonly yes, appendfsync always).';
}
