/** Starts a contestant, whatever its strategy is: the service, a naive program, with Redis beside it or not. */

import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { statusOfService } from '../../src/admin/admin-client.ts';
import { ringOf } from '../../src/partition/ring.ts';
import { slotOf } from '../../src/partition/slot.ts';
import type { ControlGroup } from '../emulation/control-group.ts';
import { SlowDisk } from '../emulation/slow-disk.ts';
import type { BenchFailure } from '../failure.ts';
import { announcementOf, type Process } from './announcement.ts';
import { type Contestant, nameOf } from './contestant.ts';
import { ContestantProcess } from './contestant-process.ts';
import { spawnRedis } from './redis.ts';

export type Running = {
  readonly contestant: Contestant;
  readonly port: number;
  readonly disk: SlowDisk;
  /** As they are now: those that died have been replaced. */
  readonly processes: () => Promise<readonly Process[]>;
  /** Which keys this one of its processes has, and nobody else; null where there are none, or nobody can tell. */
  readonly keysOf: (process: Process) => Promise<((key: string) => boolean) | null>;
  /** Set when its first process has ended by itself. */
  readonly death: () => BenchFailure | undefined;
  /** Idempotent. */
  readonly stop: () => Promise<void>;
};

type StartOptions = {
  /** An empty one is made in it, where the contestant keeps its data until it is stopped. */
  readonly directory: string;
  readonly slowDiskLibrary: string;
  /** Limits all of its processes from their birth, with what they keep in memory; null: no limit. */
  readonly group?: ControlGroup | null;
};

/** @throws BenchFailure when it does not serve */
export async function startContestant(contestant: Contestant, options: StartOptions): Promise<Running> {
  const directory = mkdtempSync(join(options.directory, `${nameOf(contestant)}-`));
  const disk = new SlowDisk(join(directory, 'disk-control'), options.slowDiskLibrary);
  const data = join(directory, 'data');
  const started: ContestantProcess<unknown>[] = [];
  const stop = async () => {
    // Front first: Redis goes when nobody asks it any more.
    for (const one of started.reverse()) await one.stop();
  };
  try {
    const redis = contestant.strategy === 'cloned-redis' ? await spawnRedis(directory, disk) : undefined;
    if (redis !== undefined) {
      started.push(redis.process);
      await redis.process.ready();
    }
    const main = new ContestantProcess(
      { command: process.execPath, args: argumentsOf(contestant, directory, redis?.port), env: disk.environment },
      announcementOf,
    );
    started.push(main);
    // What it forks is born in the group.
    options.group?.add(main.pid);
    const { url, processes } = await main.ready();
    return {
      contestant,
      port: Number(new URL(url).port),
      disk,
      processes: async () => [
        ...(processes ?? (await processesOfService(data, contestant.strategy === 'single'))),
        ...(redis === undefined ? [] : [{ role: 'redis', pid: redis.process.pid }]),
      ],
      keysOf: async ({ shard }) => {
        if (shard === undefined) return null;
        const ring = ringOf((await statusOfService(data)).ring);
        return (key) => ring.shardOf(slotOf(Buffer.from(key))) === shard;
      },
      death: () => started.find(({ death }) => death !== undefined)?.death,
      stop: async () => {
        await stop();
        disk.close();
        rmSync(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Of `node`. */
function argumentsOf({ strategy, fronts, backs }: Contestant, directory: string, redisPort?: number): string[] {
  const service = (options: string) => {
    const common = ['--port', '0', '--data', join(directory, 'data')];
    return [program('../../src/cli/shardctl.js'), 'start', ...options.split(' '), ...common];
  };
  switch (strategy) {
    case 'partitioned':
      return service(`--reads forwarded --routers ${fronts} --shards ${backs}`);
    case 'partitioned-direct':
      return service(`--reads direct --routers ${fronts} --shards ${backs}`);
    case 'single':
      return service('--strategy single');
    case 'cloned-group':
      return service(`--strategy cloned --clones ${fronts}`);
    case 'cloned-redis':
      return service(`--strategy cloned --clones ${fronts} --store redis://127.0.0.1:${redisPort}`);
    case 'cloned-commit':
      return [program('./naive/clones.js'), 'sqlite', String(fronts), directory];
    case 'cloned-memory':
      return [program('./naive/clones.js'), 'memory', String(fronts), directory];
    case 'http-hop':
    case 'ipc-hop':
      return [program(`./naive/${strategy}.js`), String(backs), directory];
    case 'bare':
      return [program('./bare-http.js')];
  }
}

function program(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

/** The one process that a service without shards has is a clone of nothing. */
async function processesOfService(data: string, isSingle: boolean): Promise<readonly Process[]> {
  const { processes } = await statusOfService(data);
  const nameOfRole = (role: string) => (isSingle && role === 'clone' ? 'single' : role);
  return processes.flatMap(({ id, role, pid }) => {
    if (pid === null) return [];
    return [{ role: nameOfRole(role), pid, ...(role === 'shard' ? { shard: Number(id.slice('shard-'.length)) } : {}) }];
  });
}
