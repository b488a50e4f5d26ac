/** A Redis server of our own, as durable as the others: each write is in its log, and that synced, before its answer. */

import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import type { SlowDisk } from '../emulation/slow-disk.ts';
import { ContestantProcess } from './contestant-process.ts';

export type RedisServer = { readonly port: number; readonly process: ContestantProcess<true> };

/** Undefined where it is not installed. */
export function redisVersion(): string | undefined {
  const { error, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  return error === undefined ? (/v=([\d.]+)/.exec(stdout)?.[1] ?? 'of an unknown version') : undefined;
}

/** Not yet ready. @param directory of its data */
export async function spawnRedis(directory: string, disk: SlowDisk): Promise<RedisServer> {
  const port = await freePort();
  const place = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory];
  const durability = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  return {
    port,
    process: new ContestantProcess(
      { command: 'redis-server', args: [...place, ...durability], env: disk.environment },
      (line) => (line.includes('Ready to accept connections') ? true : undefined),
    ),
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
