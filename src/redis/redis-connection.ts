/**
 * The connection to Redis: finds out by asking whether there is one server or a Cluster, comes back by itself after
 * whatever happened, and looks each second whether values may be kept there. It never gives up, and never waits for
 * anybody.
 *
 *            found and fit            a setting or a right changes, or the server becomes a replica
 *   silent ────────────────▶ serving ◀────────────────────────────────────────────────────────────▶ unfit
 *     ▲                         │                                                                     │
 *     └───────── lost ──────────┴─────────────────────────────────────────────────────────────────────┘
 */

import { Cluster } from 'ioredis';
import { type RedisAddress, redisNodeText } from '../config/redis-address.ts';
import { acknowledgementText } from './redis-acknowledgement.ts';
import { clusterClient, kindOf, type RedisClient, serverClient } from './redis-client.ts';
import { rehearse, type Unfitness, unfitnessOf, unfitnessOfError } from './redis-fitness.ts';
import { settingsOf } from './redis-settings.ts';

export type RedisStanding =
  /** Not found yet, or not any more. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'serving' }
  /** It answers, but may not be asked anything until an operator has mended it. */
  | (Unfitness & { readonly kind: 'unfit'; readonly sinceMs: number });

export type RedisConnectionEvents = {
  readonly onStanding: (standing: RedisStanding) => void;
  /** What an acknowledgement is worth, in sentences. Whenever that has changed. */
  readonly onAcknowledgement: (text: string) => void;
  /** Once for each different trouble, until it serves again. */
  readonly onTrouble: (message: string) => void;
};

const searchIntervalMs = 250;
const examinationIntervalMs = 1_000;

export class RedisConnection {
  readonly #address: RedisAddress;
  readonly #events: RedisConnectionEvents;
  readonly #examinations: NodeJS.Timeout;
  #client: RedisClient | undefined;
  #search: NodeJS.Timeout | undefined;
  #standing: RedisStanding = { kind: 'silent' };
  #acknowledgement = '';
  #isExamining = false;
  /** Somebody met what no setting tells: the next examination rehearses. */
  #isSuspected = false;
  #troubles = new Set<string>();
  #isStopped = false;

  constructor(address: RedisAddress, events: RedisConnectionEvents) {
    this.#address = address;
    this.#events = events;
    this.#examinations = setInterval(() => this.#examine(), examinationIntervalMs);
    void this.#find();
  }

  /** Undefined while nothing can be asked, or may be. */
  get client(): RedisClient | undefined {
    return this.#standing.kind === 'serving' && this.#client?.status === 'ready' ? this.#client : undefined;
  }

  get standing(): RedisStanding {
    return this.#standing.kind === 'serving' && this.#client?.status !== 'ready' ? { kind: 'silent' } : this.#standing;
  }

  /** An answer says that it may be unfit: looks at once, rather than within a second. */
  suspect(): void {
    this.#isSuspected = true;
    void this.#examine();
  }

  /** Tells the operator of a trouble that somebody met, once until it serves anew. */
  report(trouble: string): void {
    this.#trouble(trouble);
  }

  /** Idempotent. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#search);
    clearInterval(this.#examinations);
    this.#client?.disconnect();
  }

  async #find(): Promise<void> {
    const { nodes } = this.#address;
    for (const node of nodes) {
      const kind = await kindOf(this.#address, node).catch((error: Error) => this.#onError(error));
      if (this.#isStopped) return;
      if (kind === 'cluster') return this.#use(clusterClient(this.#address));
      if (kind === undefined) continue;
      if (nodes.length === 1) return this.#use(serverClient(this.#address, node));
      // Each clone might take another of them for the one that all share: none is taken.
      this.#refuse({
        code: 'store-unavailable',
        why: `${redisNodeText(node)} is not a node of a Redis Cluster. Give one server, or nodes of one Cluster.`,
      });
      break;
    }
    this.#search = setTimeout(() => this.#find(), searchIntervalMs);
  }

  #use(client: RedisClient): void {
    this.#client = client;
    client.on('error', (error: Error) => this.#onError(error));
    client.on('node error', (error: Error) => this.#onError(error));
    client.on('close', () => {
      // Unfit it stays: a server that refuses a password closes each connection, and is looked at again on the next.
      if (this.#standing.kind === 'serving') this.#stand({ kind: 'silent' });
    });
    client.on('ready', () => this.#examine());
  }

  /** Nothing is asked of a connection before this has found it fit. One at a time. */
  async #examine(): Promise<void> {
    const client = this.#client;
    if (client === undefined || client.status !== 'ready' || this.#isExamining) return;
    this.#isExamining = true;
    try {
      do await this.#examineOnce(client);
      while (this.#isSuspected && client.status === 'ready');
    } catch (error) {
      this.#onError(error as Error);
    } finally {
      this.#isExamining = false;
    }
  }

  async #examineOnce(client: RedisClient): Promise<void> {
    const isRehearsal = this.#isSuspected || this.#standing.kind !== 'serving';
    this.#isSuspected = false;
    const servers = await settingsOfAll(client);
    const unfitness =
      unfitnessOf(servers, client instanceof Cluster ? 'cluster' : 'server') ??
      (isRehearsal ? await rehearse(client) : undefined);
    if (this.#isStopped || client.status !== 'ready') return;
    if (unfitness === undefined) {
      this.#serve();
      this.#tellAcknowledgement(acknowledgementText(servers));
    } else {
      this.#refuse(unfitness);
    }
    // A name that once stood for the master may stand for another server by now: it is looked up anew.
    if (unfitness?.code === 'store-read-only') client.disconnect(true);
  }

  #serve(): void {
    if (this.#standing.kind === 'serving') return;
    this.#troubles.clear();
    this.#stand({ kind: 'serving' });
  }

  #refuse(unfitness: Unfitness): undefined {
    const before = this.#standing;
    const sinceMs = before.kind === 'unfit' ? before.sinceMs : performance.now();
    this.#trouble(unfitness.why);
    this.#tellAcknowledgement(`No write is acknowledged. ${unfitness.why}`);
    this.#stand({ kind: 'unfit', sinceMs, ...unfitness });
  }

  #stand(standing: RedisStanding): void {
    this.#standing = standing;
    if (!this.#isStopped) this.#events.onStanding(standing);
  }

  #tellAcknowledgement(text: string): void {
    if (this.#isStopped || text === this.#acknowledgement) return;
    this.#acknowledgement = text;
    this.#events.onAcknowledgement(text);
  }

  #onError(error: Error): undefined {
    const unfitness = unfitnessOfError(error);
    if (unfitness !== undefined) return this.#refuse(unfitness);
    this.#trouble(error.message);
    // Whoever cannot be reached has nothing to be mended that we know of.
    if (this.#standing.kind === 'unfit' && isUnreachable(error)) this.#stand({ kind: 'silent' });
  }

  #trouble(message: string): undefined {
    if (this.#isStopped || this.#troubles.has(message)) return;
    this.#troubles.add(message);
    this.#events.onTrouble(message);
  }
}

/** Of those that answer: a Cluster fails over without the others. @throws when none of them does */
async function settingsOfAll(client: RedisClient) {
  const servers = client instanceof Cluster ? client.nodes('master') : [client];
  const answers = await Promise.allSettled(servers.map(settingsOf));
  const denial = answers.find((answer) => answer.status === 'rejected' && unfitnessOfError(answer.reason));
  const settings = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  if (denial?.status === 'rejected') throw denial.reason;
  if (settings.length === 0) throw new Error('no server tells its settings');
  return settings;
}

/** As Node says it: ECONNREFUSED, EHOSTUNREACH and others. */
function isUnreachable(error: Error): boolean {
  return 'syscall' in error;
}
