/**
 * Listings, counters and the feed of changes while shards come and go and processes are killed: each key listed
 * once, each increment counted once, each change told once and in order, replicas that lack and invent nothing.
 */

import { expect, test, vi } from 'vitest';
import { askService } from '../../src/admin/admin-client.ts';
import { connect } from '../../src/client/connect.ts';
import type { RebalanceStatus } from '../../src/rebalance/rebalancer.ts';
import { allOf } from '../support/all-of.ts';
import { ChangeWatcher } from '../support/change-watcher.ts';
import { CountingClients } from '../support/counting-clients.ts';
import { Replica } from '../support/replica.ts';
import { shardctl, startService } from '../support/service.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const keysThere = Array.from({ length: 1_500 }, (_, index) => `there/${String(index).padStart(5, '0')}`);

type Page = { readonly entries: readonly { readonly key: string }[]; readonly next: string | null };

async function fill(url: string): Promise<void> {
  for (let first = 0; first < keysThere.length; first += 500) {
    const operations = keysThere.slice(first, first + 500).map((key) => ({ op: 'put', key, value: 'x'.repeat(100) }));
    const answer = await fetch(`${url}/v1/batch`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ operations }),
    });
    const { results } = (await answer.json()) as { results: { status: number }[] };
    expect(results.every(({ status }) => status === 201)).toBe(true);
  }
}

const text = { 'content-type': 'text/plain' };

/** Writes keys to every shard after all else: whoever has seen them has seen everything before. Returns the keys. */
async function writeLast(url: string): Promise<string[]> {
  const keys = Array.from({ length: 64 }, (_, index) => `counter/last-${index}`);
  for (const key of keys)
    await (await fetch(`${url}/v1/kv/${key}`, { method: 'PUT', headers: text, body: 'last' })).arrayBuffer();
  return keys;
}

/** Every key with its value, in order. */
async function entriesOf(url: string): Promise<[string, unknown][]> {
  const entries = await allOf(connect(url).list({ values: true }));
  return entries.map(({ key, value }): [string, unknown] => [key, value]).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Lists everything, over and over: keys that are there all the time, among others that come and go. */
class Walkers {
  readonly mistakes: string[] = [];
  walks = 0;
  readonly #url: string;
  readonly #running: Promise<void>[];
  #isOver = false;

  constructor(url: string) {
    this.#url = url;
    this.#running = [this.#run('pages'), this.#run('stream')];
  }

  async finish(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async #run(kind: 'pages' | 'stream'): Promise<void> {
    while (!this.#isOver) {
      const keys = kind === 'pages' ? await this.#pages() : await this.#stream();
      // A router was killed meanwhile.
      if (keys === undefined) continue;
      this.walks++;
      const found = keys.filter((key) => key.startsWith('there/'));
      if (JSON.stringify(found) !== JSON.stringify(keysThere)) {
        this.mistakes.push(`${kind}: ${found.length} of ${keysThere.length} keys, or in another order`);
      }
      if (keys.some((key, index) => index > 0 && key <= (keys[index - 1] as string))) {
        this.mistakes.push(`${kind}: not in order, or twice`);
      }
    }
  }

  async #pages(): Promise<string[] | undefined> {
    const keys: string[] = [];
    let cursor = '';
    do {
      try {
        const answer = await fetch(`${this.#url}/v1/kv?limit=97${cursor}`);
        if (answer.status !== 200) {
          this.mistakes.push(`pages: ${answer.status} ${await answer.text()}`);
          return undefined;
        }
        const { entries, next } = (await answer.json()) as Page;
        keys.push(...entries.map(({ key }) => key));
        cursor = next === null ? '' : `&cursor=${next}`;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
        return undefined;
      }
    } while (cursor !== '');
    return keys;
  }

  async #stream(): Promise<string[] | undefined> {
    try {
      const answer = await fetch(`${this.#url}/v1/kv`, { headers: { accept: 'application/x-ndjson' } });
      const lines = (await answer.text()).split('\n').slice(0, -1);
      return lines.map((line) => (JSON.parse(line) as { key: string }).key);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return undefined;
    }
  }
}

/** Puts and deletes keys of its own, and knows which versions its writes were given. */
class Writers {
  /** By key, in order; the version of a delete is not told. */
  readonly told = new Map<string, number[]>();
  readonly #url: string;
  readonly #running: Promise<void>[];
  #isOver = false;

  constructor(url: string, clients: number) {
    this.#url = url;
    this.#running = Array.from({ length: clients }, (_, client) => this.#run(client));
  }

  async finish(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  async #run(client: number): Promise<void> {
    for (let turn = 0; !this.#isOver; turn++) {
      const key = `coming/${client}-${turn % 20}`;
      try {
        if (turn % 7 === 6) {
          await (await fetch(`${this.#url}/v1/kv/${key}`, { method: 'DELETE' })).arrayBuffer();
          continue;
        }
        const answer = await fetch(`${this.#url}/v1/kv/${key}`, { method: 'PUT', body: `${turn}` });
        await answer.arrayBuffer();
        const version = Number(answer.headers.get('etag')?.replaceAll('"', ''));
        if (answer.ok) this.told.set(key, [...(this.told.get(key) ?? []), version]);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }
}

test('while shards come, go and die: keys are listed once, increments counted once, changes told once and in order', {
  timeout: 120_000,
}, async () => {
  const data = temporaryDirectory();
  const service = await startService({ data, args: ['--shards', '2', '--routers', '2', '--healthy-after-ms', '100'] });
  const url = () => service.url;
  await fill(service.url);
  const all = new ChangeWatcher(url);
  const some = new ChangeWatcher(url, { prefix: 'counter/' });
  await Promise.all([all.began(), some.began()]);
  const walkers = new Walkers(service.url);
  const writers = new Writers(service.url, 6);
  const counters = new CountingClients(url, 8, ['counter/a', 'counter/b', '{t}counter/c']);

  const change = async (...args: string[]) => {
    const { code, stderr } = await shardctl([...args, '--yes', '--data', data]);
    expect([code, stderr]).toEqual([0, '']);
  };
  const kill = async (id: string) => {
    const { restarts } = await service.processStatus(id);
    await service.kill(id);
    await service.until(id, (status) => status.restarts > restarts && status.state === 'ready');
  };
  /** A move of the change is under way, or some of its slots have moved. */
  const underWay = () =>
    vi.waitUntil(
      async () => {
        const { running } = (await askService(data, 'GET', '/v1/moves')).body as RebalanceStatus;
        return running !== undefined && running.phase !== 'planning' && running.phase !== 'waiting';
      },
      { timeout: 30_000, interval: 5 },
    );

  // One is made of everything while shards come, one while they go.
  const replicas = [new Replica(service.url)];
  const adding = change('add-shard');
  await underWay();
  replicas.push(new Replica(service.url));
  await kill('shard-1');
  all.drop();
  await adding;
  await kill('shard-3');
  await kill('router-1');
  const removing = change('remove-shard', '1');
  await underWay();
  replicas.push(new Replica(service.url));
  await kill('shard-2');
  all.drop();
  await removing;
  await kill('router-2');
  await change('add-shard', '--count', '2');
  const walksBefore = walkers.walks;
  await vi.waitUntil(() => walkers.walks > walksBefore + 2, { timeout: 30_000 });
  await Promise.all([walkers.finish(), writers.finish(), counters.finish()]);

  expect(walkers.mistakes).toEqual([]);
  expect(walkers.walks).toBeGreaterThan(5);

  for (const [key, count] of counters.counted) {
    expect(await (await fetch(`${service.url}/v1/kv/${key}`)).text(), key).toBe(String(count));
    const numbers = [...(counters.numbers.get(key) ?? [])].sort((a, b) => a - b);
    expect(numbers, key).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  }

  const last = await writeLast(service.url);
  await vi.waitUntil(
    () => [all, some].every(({ changes }) => last.every((key) => changes.some((one) => one.key === key))),
    {
      timeout: 30_000,
    },
  );
  const hasLast = ({ values }: Replica) => last.every((key) => values.get(key) === 'last');
  await vi.waitUntil(() => replicas.every(hasLast), { timeout: 30_000 });
  await Promise.all([all.finish(), some.finish(), ...replicas.map((replica) => replica.finish())]);
  const there = await entriesOf(service.url);
  for (const { values, mistakes, isLive } of replicas) {
    expect([isLive, mistakes]).toEqual([true, []]);
    expect([...values].sort(([a], [b]) => (a < b ? -1 : 1))).toEqual(there);
  }
  expect([all.refusals, some.refusals]).toEqual([[], []]);
  expect(all.streams).toBeGreaterThan(2);
  const versionsOf = (watcher: ChangeWatcher, key: string) =>
    watcher.changes.filter((one) => one.key === key).map(({ version }) => version);
  for (const key of new Set(all.changes.map((one) => one.key))) {
    const versions = versionsOf(all, key);
    expect(versions, key).toEqual([...new Set(versions)].sort((a, b) => a - b));
  }
  for (const [key, told] of writers.told) {
    const seen = new Set(versionsOf(all, key));
    expect(
      told.filter((version) => !seen.has(version)),
      key,
    ).toEqual([]);
  }
  for (const [key, count] of counters.counted) {
    expect(versionsOf(all, key), key).toHaveLength(count);
    if (key.startsWith('counter/')) expect(versionsOf(some, key), key).toEqual(versionsOf(all, key));
  }
  const verified = await shardctl(['verify', '--data', data]);
  expect([verified.code, verified.stderr]).toEqual([0, '']);
  console.log(
    `${walkers.walks} walks, ${all.changes.length} changes over ${all.streams} streams, ${counters.again} sent again`,
  );
});
