/** Real Redis servers on free ports of loopback, with their files in a directory that vanishes with them. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';

const run = promisify(execFile);

/** Nodes of a Cluster speak among themselves at a port so far above their own. */
const clusterBusDistance = 10_000;

export class RedisServer {
  readonly port: number;
  readonly #directory = mkdtempSync(join(tmpdir(), 'sl-redis-'));
  readonly #settings: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, settings: readonly string[]) {
    this.port = port;
    this.#settings = settings;
  }

  /** Every acknowledged write is on its disk, unless the settings say otherwise. */
  static async start(settings: readonly string[] = []): Promise<RedisServer> {
    for (;;) {
      const server = new RedisServer(await freePort({ with: [clusterBusDistance] }), settings);
      if (await server.#couldStart()) return server;
      await server.remove();
    }
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get node(): { readonly host: string; readonly port: number } {
    return { host: '127.0.0.1', port: this.port };
  }

  /** On the same port and the same files as before. */
  async start(): Promise<void> {
    if (!(await this.#couldStart())) throw new Error(`another program listens at the port ${this.port}`);
  }

  /** False when another program has the port. */
  async #couldStart(): Promise<boolean> {
    const usual = ['--bind', '127.0.0.1', '--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];
    const own = ['--port', String(this.port), '--dir', this.#directory];
    const child = spawn('redis-server', [...own, ...usual, ...this.#settings], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#process = child;
    let said = '';
    child.stdout.on('data', (text) => {
      said += text;
    });
    while (child.exitCode === null && child.signalCode === null) {
      if (said.includes('Ready to accept connections')) return true;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (/in use|Failed listening/i.test(said)) return false;
    throw new Error(`redis-server ended at its start:\n${said}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async kill(): Promise<void> {
    if (this.#process === undefined || this.#process.signalCode !== null || this.#process.exitCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** Undefined when it does not answer, or refuses. */
  ask(command: string, ...words: (string | number)[]): Promise<unknown> {
    return this.askAs({}, command, ...words);
  }

  async askAs(
    who: { readonly username?: string; readonly password?: string },
    command: string,
    ...words: (string | number)[]
  ): Promise<unknown> {
    const options = { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 };
    const client = new Redis({ ...this.node, ...who, ...options });
    client.on('error', () => {});
    try {
      await client.connect();
      return await client.call(command, ...words);
    } catch {
      return undefined;
    } finally {
      client.disconnect();
    }
  }
}

export class RedisCluster {
  readonly servers: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  /** Three masters and three replicas, that notice within a second when one is gone, and follow at once. */
  static async start(): Promise<RedisCluster> {
    const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--repl-diskless-sync-delay', '0'];
    const start = () => RedisServer.start([...settings, '--cluster-replica-validity-factor', '0']);
    const servers = await Promise.all(Array.from({ length: 6 }, start));
    const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
    const create = ['--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes'];
    await run('redis-cli', create);
    const cluster = new RedisCluster(servers);
    await cluster.followed();
    return cluster;
  }

  /** When every slot has a master, and every node that runs knows it. */
  async whole(): Promise<void> {
    for (;;) {
      const states = await Promise.all(this.servers.map((server) => server.ask('CLUSTER', 'INFO')));
      if (states.every((state) => state === undefined || String(state).includes('cluster_state:ok'))) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** When every master is followed by a replica that has all it has. */
  async followed(): Promise<void> {
    await this.whole();
    for (;;) {
      const roles = (await Promise.all(this.servers.map((server) => server.ask('ROLE')))) as (unknown[] | undefined)[];
      if (roles.filter((role) => role?.[0] === 'slave' && role[3] === 'connected').length === 3) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async masters(): Promise<RedisServer[]> {
    const roles = await Promise.all(this.servers.map((server) => server.ask('ROLE')));
    return this.servers.filter((_, index) => (roles[index] as unknown[] | undefined)?.[0] === 'master');
  }

  /** The server that owns a key, as the others see it. */
  async ownerOf(key: string): Promise<RedisServer> {
    for (const server of this.servers) {
      const slot = await server.ask('CLUSTER', 'KEYSLOT', key);
      const ranges = (await server.ask('CLUSTER', 'SLOTS')) as [number, number, [string, number]][] | undefined;
      const owner = ranges?.find(([first, last]) => first <= Number(slot) && Number(slot) <= last);
      const found = this.servers.find(({ port }) => port === owner?.[2][1]);
      if (found !== undefined) return found;
    }
    throw new Error(`nobody owns ${key}`);
  }

  /** Moves that many of the Cluster's slots from one master to another, as an operator does. */
  async reshard(from: RedisServer, to: RedisServer, slots: number): Promise<void> {
    const [source, target] = await Promise.all([from.ask('CLUSTER', 'MYID'), to.ask('CLUSTER', 'MYID')]);
    const sides = ['--cluster-from', String(source), '--cluster-to', String(target)];
    const reshard = ['--cluster', 'reshard', `127.0.0.1:${from.port}`, ...sides, '--cluster-slots', String(slots)];
    await run('redis-cli', [...reshard, '--cluster-yes'], { maxBuffer: 64 * 1024 * 1024 });
  }

  /** Leaves one of the Cluster's slots between two masters, as a reshard that was interrupted does. */
  async leaveMoving(slot: number, from: RedisServer, to: RedisServer): Promise<void> {
    const [source, target] = await Promise.all([from.ask('CLUSTER', 'MYID'), to.ask('CLUSTER', 'MYID')]);
    await to.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(source));
    await from.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(target));
  }

  /** Nothing is left in any of them. */
  async flush(): Promise<void> {
    for (const server of await this.masters()) await server.ask('FLUSHALL');
  }

  async remove(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.remove()));
  }
}
