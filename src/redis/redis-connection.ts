/**
 * The connection to Redis: finds out by asking whether there is one server or a Cluster, comes back by itself after
 * whatever happened, and says what an acknowledgement is worth there. It never gives up, and never waits for anybody.
 *
 *   searching ── found ──▶ connecting ── ready ──▶ serving
 *                              ▲                     │
 *                              └────── lost ─────────┘
 */

import { Cluster, Redis } from 'ioredis';
import { acknowledgementText, type RedisServer, settingsOf } from './redis-acknowledgement.ts';

export type RedisClient = Redis | Cluster;

export type RedisServers = {
  /** One server, or any nodes of a Cluster. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly username: string | null;
  readonly password: string | null;
};

export type RedisConnectionEvents = {
  readonly onServing: () => void;
  /** What an acknowledgement is worth, in sentences. At each connection: settings may have changed. */
  readonly onAcknowledgement: (text: string) => void;
  /** Once for each different trouble, until it serves again. */
  readonly onTrouble: (message: string) => void;
};

const searchIntervalMs = 250;
const connectTimeoutMs = 2_000;
/** A server that says nothing for this long while it is asked something hangs, or is gone without a word. */
const silenceMaxMs = 5_000;
const reconnectDelayMaxMs = 500;
/** After a fail-over the new owner of a slot is known this soon at the latest. */
const slotsRefreshIntervalMs = 1_000;
/**
 * How far ioredis follows a Cluster that moves slots: within 300 ms whoever asked is told, and asks again while it
 * still matters.
 */
const redirectionsMax = 5;
const redirectedRetryMs = 50;

export class RedisConnection {
  readonly #servers: RedisServers;
  readonly #events: RedisConnectionEvents;
  #client: RedisClient | undefined;
  #search: NodeJS.Timeout | undefined;
  #troubles = new Set<string>();
  #isStopped = false;

  constructor(servers: RedisServers, events: RedisConnectionEvents) {
    this.#servers = servers;
    this.#events = events;
    void this.#find();
  }

  /** Undefined while nothing can be asked. */
  get client(): RedisClient | undefined {
    return this.#client?.status === 'ready' ? this.#client : undefined;
  }

  /** Idempotent. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#search);
    this.#client?.disconnect();
  }

  async #find(): Promise<void> {
    for (const node of this.#servers.nodes) {
      const kind = await this.#kindOf(node);
      if (this.#isStopped) return;
      if (kind === 'cluster') return this.#serve(this.#clusterClient());
      if (kind === undefined) continue;
      if (this.#servers.nodes.length === 1) return this.#serve(this.#serverClient(node));
      // Each clone might take another of them for the one that all share: none is taken.
      const noNode = `${node.host}:${node.port} is no node of a Redis Cluster: name it alone, or nodes of one Cluster.`;
      this.#trouble(new Error(noNode));
      break;
    }
    this.#search = setTimeout(() => this.#find(), searchIntervalMs);
  }

  async #kindOf(node: RedisServers['nodes'][number]): Promise<'server' | 'cluster' | undefined> {
    const probe = new Redis({ ...this.#options(), ...node, lazyConnect: true, retryStrategy: () => null });
    probe.on('error', (error: Error) => this.#trouble(error));
    try {
      await probe.connect();
      return /^cluster_enabled:1/m.test(await probe.info('cluster')) ? 'cluster' : 'server';
    } catch (error) {
      this.#trouble(error as Error);
      return undefined;
    } finally {
      probe.disconnect();
    }
  }

  #serve(client: RedisClient): void {
    this.#client = client;
    client.on('error', (error: Error) => this.#trouble(error));
    client.on('ready', () => {
      this.#troubles.clear();
      this.#events.onServing();
      void this.#tellAcknowledgement(client);
    });
  }

  #serverClient(node: RedisServers['nodes'][number]): Redis {
    return new Redis({ ...this.#options(), ...node, enableOfflineQueue: false, retryStrategy: reconnectDelayMs });
  }

  #clusterClient(): Cluster {
    return new Cluster([...this.#servers.nodes], {
      redisOptions: this.#options(),
      enableOfflineQueue: false,
      enableAutoPipelining: true,
      clusterRetryStrategy: reconnectDelayMs,
      maxRedirections: redirectionsMax,
      retryDelayOnTryAgain: redirectedRetryMs,
      retryDelayOnClusterDown: redirectedRetryMs,
      // Nothing that may have been done is sent again from here.
      retryDelayOnFailover: 0,
      slotsRefreshInterval: slotsRefreshIntervalMs,
    });
  }

  /** What was under way when a connection broke is sent again by whoever asked, who knows whether it still matters. */
  #options() {
    const { username, password } = this.#servers;
    return {
      ...(username === null ? {} : { username }),
      ...(password === null ? {} : { password }),
      connectTimeout: connectTimeoutMs,
      socketTimeout: silenceMaxMs,
      autoResendUnfulfilledCommands: false,
      // Otherwise nobody is told of what was under way.
      maxRetriesPerRequest: 0,
      enableAutoPipelining: true,
    };
  }

  async #tellAcknowledgement(client: RedisClient): Promise<void> {
    const servers = client instanceof Cluster ? client.nodes('master') : [client];
    try {
      const settings = await Promise.all(servers.map((server) => settingsOf(asServer(server))));
      this.#events.onAcknowledgement(acknowledgementText(settings));
    } catch (error) {
      // It was lost meanwhile: the next connection asks again.
      this.#trouble(error as Error);
    }
  }

  #trouble({ message }: Error): void {
    if (this.#isStopped || this.#troubles.has(message)) return;
    this.#troubles.add(message);
    this.#events.onTrouble(message);
  }
}

function reconnectDelayMs(times: number): number {
  return Math.min(reconnectDelayMaxMs, 50 * times);
}

function asServer(server: Redis): RedisServer {
  return {
    info: (section) => server.info(section),
    config: async (name) => {
      try {
        const [, value] = (await server.config('GET', name)) as string[];
        return value;
      } catch {
        // Hosted servers often forbid it.
        return undefined;
      }
    },
  };
}
